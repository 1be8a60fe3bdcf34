"""What was measured, as plain data: one class a stage, JSON with a schema version.

Error rates are fractions, times seconds, sizes bytes. A new field is added with
a default, so that older files still load; a field that changes its meaning
raises ``SCHEMA_VERSION``. Nothing here measures, formats or knows a path.
"""

from mnistbench.results.base import SCHEMA_VERSION, Result
from mnistbench.results.breakdown import BreakdownResult, BreakdownRun, CrossingResult, KernelClock, OperatorTime
from mnistbench.results.diagnosis import SEVERITIES, Diagnosis, Finding, ProbeResult, Severity
from mnistbench.results.environment import Environment
from mnistbench.results.evaluation import ComparisonResult, EvaluationResult
from mnistbench.results.gpus import GpuFacts, GpuRun, GpusRun
from mnistbench.results.latency import STOPPED, BenchRun, LatencyResult, ProcessResult
from mnistbench.results.load import LoadResult, LoadRun, RateStep
from mnistbench.results.precision import PrecisionResult, PrecisionRun
from mnistbench.results.record import RunRecord
from mnistbench.results.state import STATES, RunState, State
from mnistbench.results.training import EpochResult, TrainingResult
from mnistbench.results.tuning import TuningCandidate, TuningResult
from mnistbench.results.verdict import JUDGED_BY, VERDICTS, Judged, LatencyComparison, Verdict

__all__ = [
    "JUDGED_BY",
    "SCHEMA_VERSION",
    "SEVERITIES",
    "STATES",
    "STOPPED",
    "VERDICTS",
    "BenchRun",
    "BreakdownResult",
    "BreakdownRun",
    "ComparisonResult",
    "CrossingResult",
    "Diagnosis",
    "Environment",
    "EpochResult",
    "EvaluationResult",
    "Finding",
    "GpuFacts",
    "GpuRun",
    "GpusRun",
    "Judged",
    "KernelClock",
    "LatencyComparison",
    "LatencyResult",
    "LoadResult",
    "LoadRun",
    "OperatorTime",
    "PrecisionResult",
    "PrecisionRun",
    "ProbeResult",
    "ProcessResult",
    "RateStep",
    "Result",
    "RunRecord",
    "RunState",
    "Severity",
    "State",
    "TrainingResult",
    "TuningCandidate",
    "TuningResult",
    "Verdict",
]
