// How long a network takes in this browser: the median of several blocks of calls.
//
// Browsers keep their clock coarse (0.1 ms and more), so that single calls cannot be timed: calls are timed in blocks
// that are long against that.

export const BLOCKS = 9;
export const BLOCK_MILLISECONDS = 10;
const MOST_CALLS = 1024;

/**
 * Milliseconds of one call, or null when it was given up: { milliseconds, calls }.
 *
 * call does one; inTurn runs a block when nothing else runs; wanted is asked before each block whether to go on.
 */
export async function measure(call, inTurn, wanted) {
  const block = async (calls) => {
    const start = performance.now();
    for (let number = 0; number < calls; number += 1) await call();
    return performance.now() - start;
  };
  let calls = 1;
  // The first blocks warm up: until one is long enough, its calls are doubled.
  while (wanted() && (await inTurn(() => block(calls))) < BLOCK_MILLISECONDS && calls < MOST_CALLS) calls *= 2;
  const times = [];
  while (wanted() && times.length < BLOCKS) {
    times.push((await inTurn(() => block(calls))) / calls);
    await new Promise((resolve) => setTimeout(resolve));
  }
  if (times.length < BLOCKS) return null;
  return { milliseconds: times.sort((one, other) => one - other)[Math.floor(BLOCKS / 2)], calls };
}
