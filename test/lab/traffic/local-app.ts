import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Target } from './targets.ts';

/** The web app of `test/lab/apps/web` as a plain process on loopback. */
export interface LocalApp {
  http: Target;
  tcp: Target;
  /** stop sends a signal and waits for the end; returns the exit code, null if the signal killed it. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

const HOST = '127.0.0.1';

/** startLocalApp starts the app on two free ports and resolves when both listen; `env` adds to its environment. */
export async function startLocalApp(version: string, env: Record<string, string> = {}): Promise<LocalApp> {
  const file = fileURLToPath(new URL('../apps/web/server.mjs', import.meta.url));
  const child = spawn(process.execPath, [file], {
    env: { PORT: '0', TCP_PORT: '0', VERSION: version, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const log = await logUntilListening(child);
  return {
    http: { host: HOST, port: portIn(log, 'listening') },
    tcp: { host: HOST, port: portIn(log, 'echoing') },
    stop: async (signal) => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill(signal);
        await ended;
      }
      return child.exitCode;
    },
  };
}

function logUntilListening(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stdout?.on('data', (piece: Buffer) => {
      log += piece.toString();
      if (log.includes('listening on') && log.includes('echoing on')) resolve(log);
    });
    child.on('exit', (code) => reject(new Error(`The app ended with ${code} before it listened: ${log}`)));
  });
}

function portIn(log: string, word: string): number {
  return Number(new RegExp(`${word} on (\\d+)`).exec(log)?.[1]);
}
