import { expect, test } from '@jest/globals';
import { loopbackFile, loopbackPorts } from '../../../src/deploy/planning/loopback.ts';

test('internal ports are served at 127.0.0.1 by their own numbers, each once', () => {
  const ports = loopbackPorts({ db: 5200, queue: 5100, 'queue.console': 5101, again: 5200 });
  expect(ports).toEqual([
    { address: '127.0.0.1', hostPort: 5100, containerPort: 5100 },
    { address: '127.0.0.1', hostPort: 5101, containerPort: 5101 },
    { address: '127.0.0.1', hostPort: 5200, containerPort: 5200 },
  ]);
});

test('a connection goes to the port of the sidecar that it came to, whichever sidecar that is by then', () => {
  const { content } = loopbackFile(loopbackPorts({ db: 5200, cache: 5100 }));
  const text = 'text' in content ? content.text : '';
  expect(text).toContain('        listen 5100;\n        listen 5200;\n');
  expect(text).toContain('resolver 127.0.0.11');
  expect(text).toContain('proxy_pass nginx:$server_port;');
});
