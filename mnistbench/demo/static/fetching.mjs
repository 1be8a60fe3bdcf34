// Fetching what belongs to the page; large files lie there compressed, so that any server sends them small.

/** What was fetched so far of several files, for one progress bar. */
export function counter(onChange) {
  let [done, total] = [0, 0];
  return {
    expect(bytes) {
      total += bytes;
      onChange(done, total);
    },
    add(bytes) {
      done += bytes;
      onChange(done, total);
    },
  };
}

export async function fetchJson(path) {
  return (await answered(path)).json();
}

/** The bytes of a file that is compressed with gzip, unpacked. */
export async function fetchPacked(path, progress) {
  const parts = [];
  const reader = (await answered(path)).body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    progress?.add(value.length);
  }
  const blob = new Blob(parts);
  const [first, second] = new Uint8Array(await blob.slice(0, 2).arrayBuffer());
  // Some servers mark such files as compressed, so that the browser has unpacked them already.
  if (first !== 0x1f || second !== 0x8b) return new Uint8Array(await blob.arrayBuffer());
  const unpacked = blob.stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}

async function answered(path) {
  const response = await fetch(new URL(path, import.meta.url));
  if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  return response;
}
