import { expect, test } from '@jest/globals';
import { lintDockerfile } from '../../../../src/build/lint/lint.ts';
import { tellFindings } from '../../../../src/build/lint/tell-findings.ts';
import type { Location } from '../../../../src/model/errors.ts';

/** What is warned of for builds of these services. */
function warnings(...builds: [service: string, file: string | undefined, dockerfile: string][]) {
  const told: [message: string, location: Location | undefined][] = [];
  const examined = builds.map(([service, file, text]) => ({
    spec: { service },
    file,
    findings: lintDockerfile(text),
  }));
  tellFindings(examined, {
    debug: () => undefined,
    info: () => undefined,
    warning: (message, location) => told.push([message, location]),
    group: async (_title, work) => await work(),
  });
  return told;
}

const DOCKERFILE = 'FROM node:24\nUSER node\nCMD npm start --port 80\n';

test('a finding is told on its line, with what to write instead', () => {
  expect(warnings(['api', 'api/Dockerfile', DOCKERFILE])).toEqual([
    [
      'api/Dockerfile:3: CMD runs in a shell, which may keep SIGTERM from the app: it is killed then, with what it was doing (shell-form)\n→ Write it as a list: CMD ["npm", "start", "--port", "80"]. What needs a shell begins with exec.',
      { file: 'api/Dockerfile', line: 3, column: 1 },
    ],
    [
      'api/Dockerfile:3: npm stands between the container and the app, and does not pass SIGTERM on (package-manager)\n→ Start the app itself: CMD ["node", "server.js"].',
      { file: 'api/Dockerfile', line: 3, column: 1 },
    ],
  ]);
});

test('services that share a Dockerfile are told once, each inline one by its service', () => {
  const text = 'FROM node\nUSER node\n';
  const told = warnings(['api', 'Dockerfile', text], ['web', 'Dockerfile', text], ['one', undefined, text]);
  expect(told.map(([message, location]) => [message.split(':')[0], location?.line])).toEqual([
    ['Dockerfile', 1],
    ['the inline Dockerfile of one', undefined],
  ]);
});
