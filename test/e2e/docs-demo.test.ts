import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { run } from '../lab/command.ts';
import { removeLab } from '../lab/lab.ts';

const demo = join(import.meta.dirname, '..', '..', 'scripts', 'demo.ts');
const LONGEST_MS = 300_000;

test(
  'the demo shows three deploys without a lost request',
  async () => {
    try {
      const arguments_ = [demo, '--name', 'docs-demo', '--down'];
      const { code, stdout, stderr } = await run([process.execPath, ...arguments_], {
        env: { NODE_OPTIONS: '' },
        timeoutMs: LONGEST_MS,
      });
      expect({ code, stderr, complaints: /✗.*/.exec(stdout)?.[0] }).toEqual({
        code: 0,
        stderr: expect.not.stringContaining('Error'),
        complaints: undefined,
      });
      expect(stdout).toContain('GET /health answered 503');
      expect(stdout).toMatch(/web 1 → 2 \(.*2 servers\)/);
      expect(stdout).toMatch(/web 2 → 3 .*not deployed/);
    } finally {
      await removeLab('docs-demo');
    }
  },
  LONGEST_MS + 60_000,
);
