// Runs self_test.html in a browser without a window: npm test ends with 1 where an answer differs.
// CHROMIUM names the browser, a Chromium or Chrome, where it is not found by itself.

import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import process from "node:process";

const LIMIT_SECONDS = 120;
const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const TYPES = {
  ".css": "text/css",
  ".html": "text/html",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".png": "image/png",
  ".txt": "text/plain",
  ".wasm": "application/wasm",
};

function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  return NAMES.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

/** A static server for this folder that calls `onReport` with what is posted to /report. */
function serve(onReport) {
  return createServer(async (request, response) => {
    if (request.method === "POST") {
      let body = "";
      for await (const part of request) body += part;
      response.end();
      onReport(JSON.parse(body));
      return;
    }
    const { pathname } = new URL(request.url, "http://localhost");
    try {
      const content = await readFile(new URL(`.${pathname}`, import.meta.url));
      response.writeHead(200, { "content-type": TYPES[extname(pathname)] ?? "application/octet-stream" }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
}

const browser = findBrowser();
if (!browser) {
  console.error("no Chromium or Chrome found; set CHROMIUM to one, or open self_test.html in your browser");
  process.exit(1);
}
const profile = await mkdtemp(join(tmpdir(), "digits-"));
let child;
const found = await new Promise((resolve) => {
  const server = serve(resolve);
  server.listen(0, "127.0.0.1", () => {
    const address = `http://127.0.0.1:${server.address().port}/self_test.html?report=/report`;
    const options = ["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
    // Chromium's sandbox cannot be used by root, as in most containers.
    if (process.getuid?.() === 0) options.push("--no-sandbox");
    child = spawn(browser, [...options, `--user-data-dir=${profile}`, address], { stdio: "ignore" });
    child.on("error", (error) => resolve({ passed: false, text: `FAILED: ${browser}: ${error.message}\n` }));
    child.on("exit", () => resolve({ passed: false, text: "FAILED: the browser ended without an answer\n" }));
  });
  const late = { passed: false, text: `FAILED: no answer within ${LIMIT_SECONDS} seconds\n` };
  setTimeout(() => resolve(late), LIMIT_SECONDS * 1000);
});
process.stdout.write(found.text);
if (child.pid && child.exitCode === null && child.signalCode === null) {
  await new Promise((resolve) => child.on("exit", resolve) && child.kill());
}
await rm(profile, { recursive: true, force: true, maxRetries: 5 });
process.exit(found.passed ? 0 : 1);
