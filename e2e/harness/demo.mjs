// The demo, as a new developer starts it: in an empty folder, with nothing set.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = process.env.DEMO ?? fileURLToPath(new URL('../../target/debug/demo', import.meta.url));
const PATIENCE = 30_000;

/**
 * Starts the service and the emulator on free ports, with a database of their own; `settings`
 * are those that a developer may bring.
 * `heal`, `fail` and `reset` press the buttons of the emulator's first page.
 */
export async function startDemo(settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'kakao-gate-e2e-'));
  const { PATH, HOME } = process.env;
  const child = spawn(PROGRAM, { cwd: folder, env: { PATH, HOME, ...settings }, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const said = { out: '', log: '' };
  child.stderr.on('data', (text) => { said.log += text; });
  try {
    const [service, emulator] = await greeting(child, said);
    await ready(service);
    const press = (path, fields) => pressed(emulator, path, fields);
    return {
      service,
      emulator,
      said,
      fail: (endpoint, fault, times = 1) => press('/emulator/faults', { endpoint, fault, times }),
      heal: () => press('/emulator/faults/clear', {}),
      reset: () => press('/emulator/reset', {}),
      async stop() {
        child.kill('SIGTERM');
        const code = await exited;
        await rm(folder, { recursive: true, force: true });
        if (code !== 0) throw new Error(`the demo ended with ${code}:\n${said.out}${said.log}`);
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    await exited;
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The two addresses that the demo prints once it listens. */
function greeting(child, said) {
  return new Promise((resolve, reject) => {
    const give = (why) => reject(new Error(`the demo ${why}:\n${said.out}${said.log}`));
    const timer = setTimeout(() => give('does not greet'), PATIENCE);
    child.once('error', (error) => give(`cannot be started (${error.message}); build it first`));
    child.once('exit', (code) => give(`ended with ${code}`));
    child.stdout.on('data', (text) => {
      said.out += text;
      const found = said.out.match(/the service\s+(\S+)[\s\S]*the emulator\s+(\S+)/);
      if (!found) return;
      clearTimeout(timer);
      resolve(found.slice(1));
    });
  });
}

async function ready(service) {
  const until = Date.now() + PATIENCE;
  for (;;) {
    const answer = await fetch(`${service}/health/ready`).catch(() => null);
    if (answer?.ok) return;
    if (Date.now() > until) throw new Error(`not ready: ${answer?.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function pressed(emulator, path, fields) {
  const body = new URLSearchParams(fields);
  const answer = await fetch(emulator + path, { method: 'POST', body, redirect: 'manual' });
  if (answer.status !== 303) throw new Error(`${path} ${body}: ${answer.status}`);
}
