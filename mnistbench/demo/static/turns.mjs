// Work that only its latest request matters of.

/** Runs a task whenever asked, never twice at once; when asked meanwhile, once more afterwards. */
export function latest(task) {
  let [running, again] = [false, false];
  return async () => {
    again = true;
    if (running) return;
    running = true;
    try {
      while (again) {
        again = false;
        await task();
      }
    } finally {
      running = false;
    }
  };
}
