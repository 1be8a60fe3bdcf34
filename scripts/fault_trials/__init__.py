"""Trials of what happens when disks, networks, files and processes fail; ``scripts/run_fault_trials.py`` runs them."""
