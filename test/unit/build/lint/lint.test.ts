import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LINT_RULES } from '../../../../src/build/lint/finding.ts';
import { lintDockerfile } from '../../../../src/build/lint/lint.ts';
import { isSecretName } from '../../../../src/build/lint/secret-names.ts';
import type { LintOptions } from '../../../../src/build/lint/stages.ts';

const found = (text: string, options: LintOptions = {}) =>
  lintDockerfile(text, options).map(({ line, rule }) => `${line} ${rule}`);

/** A Dockerfile that has nothing to say of, with other lines at its end. */
const with_ = (...lines: string[]) => ['FROM node:24', ...lines].join('\n');
const START = 'CMD ["node", "server.js"]';

test('a Dockerfile as it should be has no findings', () => {
  expect(
    found(`# syntax=docker/dockerfile:1
ARG NODE=24
FROM node:\${NODE}-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
COPY . .
RUN npm run build

FROM node:\${NODE}-slim
COPY --from=build /app/dist /app
USER 10001
CMD ["node", "/app/server.js"]
`),
  ).toEqual([]);
});

const TABLE: Record<string, [what: string, text: string, findings: string[], options?: LintOptions][]> = {
  'who stands between the container and the app': [
    ['a line', with_('USER 1', 'CMD node server.js'), ['3 shell-form']],
    ['a line for the entrypoint', with_('USER 1', 'ENTRYPOINT node server.js', 'CMD x'), ['3 shell-form']],
    ['a line that becomes the app', with_('USER 1', 'CMD exec node server.js'), []],
    ['a shell in a list', with_('USER 1', 'CMD ["/bin/sh", "-ec", "node server.js"]'), ['3 shell-form']],
    ['a shell that becomes the app', with_('USER 1', 'CMD ["sh", "-c", "exec node a.js --port $PORT"]'), []],
    ['a script', with_('USER 1', 'CMD ["sh", "start.sh"]'), []],
    ['what is no JSON', with_('USER 1', "CMD ['node', 'server.js']"), ['3 shell-form']],
    ['npm', with_('USER 1', 'CMD ["npm", "start"]'), ['3 package-manager']],
    ['yarn by its path', with_('USER 1', 'CMD ["/usr/bin/yarn", "start"]'), ['3 package-manager']],
    ['npm in a line', with_('USER 1', 'CMD npm start'), ['3 shell-form', '3 package-manager']],
    ['pnpm that a line becomes', with_('USER 1', 'CMD exec pnpm start'), ['3 package-manager']],
    [
      'npm behind a script',
      with_('USER 1', 'ENTRYPOINT ["entry.sh"]', 'CMD ["npm", "start"]'),
      ['4 package-manager'],
    ],
    ['an init that tells all', with_('USER 1', 'ENTRYPOINT ["dumb-init", "--"]', 'CMD ["npm", "start"]'), []],
    [
      'another init',
      with_('USER 1', 'ENTRYPOINT ["tini", "--"]', 'CMD npm start'),
      ['4 shell-form', '4 package-manager'],
    ],
    ['the last CMD alone', with_('USER 1', 'CMD npm start', START), []],
    ['the base of a stage', 'FROM a:1 AS one\nUSER 1\nCMD node a\nFROM one\nRUN true', ['3 shell-form']],
    ['a base whose CMD is forgotten', 'FROM a:1 AS one\nUSER 1\nCMD node a\nFROM one\nENTRYPOINT ["a"]', []],
    ['a stage that is not built', 'FROM a:1 AS one\nUSER 1\nCMD node a\nFROM b:1\nUSER 1', []],
    [
      'the stage that is built',
      'FROM a:1 AS one\nUSER 1\nCMD node a\nFROM b:1\nUSER 1',
      ['3 shell-form'],
      { target: 'ONE' },
    ],
    [
      'the stage of a number',
      'FROM a:1\nUSER 1\nCMD node a\nFROM b:1\nUSER 1',
      ['3 shell-form'],
      { target: '0' },
    ],
    ['a trigger for others', with_('USER 1', 'ONBUILD CMD node server.js', START), []],
    [
      'a trigger of a base',
      'FROM a:1 AS one\nUSER 1\nONBUILD CMD npm start\nFROM one',
      ['3 shell-form', '3 package-manager'],
    ],
    ['an empty list', with_('USER 1', 'CMD []'), []],
  ],
  'who the app is': [
    ['nobody said', with_(START), ['1 user']],
    ['root', with_('USER root', START), ['2 user']],
    ['zero with a group', with_('USER 0:0', START), ['2 user']],
    ['root, and then another', with_('USER root', 'RUN true', 'USER node', START), []],
    ['another, and then root', with_('USER node', 'USER root', START), ['3 user']],
    ['a variable that is root', with_('ARG UID=0', 'USER $UID', START), ['3 user']],
    ['a variable that is given', with_('ARG UID=0', 'USER $UID', START), [], { args: { UID: '7' } }],
    ['a variable of the base image', with_('USER $APP_UID', START), []],
    ['the user of a base', 'FROM a:1 AS one\nUSER 7\nFROM one\nCMD ["a"]', []],
    ['a name from scratch', 'FROM scratch\nCOPY a /a\nUSER app\nCMD ["/a"]', ['3 user']],
    [
      'a name that is copied',
      'FROM scratch\nCOPY --from=b:1 /etc/passwd /etc/passwd\nUSER app\nCMD ["/a"]',
      [],
    ],
    ['a number from scratch', 'FROM scratch\nUSER 7\nCMD ["/a"]', []],
    ['an image that has one', 'FROM gcr.io/distroless/static-debian12:nonroot\nCMD ["/a"]', []],
    ['nginx without root', 'FROM nginxinc/nginx-unprivileged:1.30\nCOPY a /a', []],
    ['root that becomes another', with_('ENTRYPOINT ["gosu", "node", "server"]'), []],
  ],
  'what is copied before dependencies are installed': [
    ['npm', with_('COPY . .', 'RUN npm ci', 'USER 1'), ['2 install-order']],
    [
      'with a flag',
      with_('COPY --chown=1 ./ /app', 'RUN cd /app && CI=1 npm install', 'USER 1'),
      ['2 install-order'],
    ],
    ['as a list', with_('COPY [".", "/app"]', 'RUN ["yarn"]', 'USER 1'), ['2 install-order']],
    [
      'pip',
      'FROM python:3.14\nADD . /a\nRUN python -m pip install --no-cache -r requirements.txt\nUSER 1',
      ['2 install-order'],
    ],
    [
      'uv',
      'FROM python:3.14\nCOPY . .\nRUN <<EOF\nset -e\nuv sync --frozen\nEOF\nUSER 1',
      ['2 install-order'],
    ],
    [
      'a part first',
      with_('COPY package.json .', 'RUN npm ci', 'COPY . .', 'RUN npm ci --omit=dev', 'USER 1'),
      [],
    ],
    [
      'a part first, in the base',
      'FROM a:1 AS deps\nCOPY package.json .\nRUN npm ci\nFROM deps\nCOPY . .\nRUN npm ci\nUSER 1',
      [],
    ],
    ['a tool', with_('COPY . .', 'RUN npm install -g pm2 && pip install gunicorn', 'USER 1'), []],
    ['another stage', with_('COPY --from=build . .', 'RUN npm ci', 'USER 1'), []],
    [
      'also in a stage that is copied from',
      'FROM a:1 AS b\nCOPY . .\nRUN pnpm i\nFROM c:1\nCOPY --from=b /a /a\nUSER 1',
      ['2 install-order'],
    ],
  ],
  'which image is below': [
    ['latest', 'FROM node:latest\nUSER 1', ['1 latest']],
    ['nothing', 'from node as base\nuser 1', ['1 latest']],
    ['a registry with a port', 'FROM localhost:5000/node\nUSER 1', ['1 latest']],
    ['a digest', `FROM node@sha256:${'a'.repeat(64)}\nUSER 1`, []],
    ['an argument', 'ARG TAG=latest\nFROM node:$TAG\nUSER 1', ['2 latest']],
    ['an argument that is given', 'ARG TAG=latest\nFROM node:$TAG\nUSER 1', [], { args: { TAG: '24' } }],
    ['an argument that nobody gives', 'ARG BASE\nFROM $BASE\nUSER 1', []],
    ['a default within', 'ARG BASE\nFROM ${BASE:-node}\nUSER 1', ['2 latest']],
    ['another context', 'FROM tools\nUSER 1', [], { contexts: ['tools'] }],
    ['scratch, and a stage', 'FROM scratch AS a\nFROM a\nUSER 1', []],
  ],
  'secrets that stand in the image': [
    ['an argument', with_('ARG NPM_TOKEN', 'USER 1'), ['2 secret']],
    ['an argument for FROM', 'ARG DB_PASSWORD=\nFROM a:1\nUSER 1', ['1 secret']],
    ['a value', with_('ENV A=1 \\', '  API_KEY=abc', 'USER 1'), ['3 secret']],
    ['the old form', with_('ENV SECRET_KEY_BASE a b', 'USER 1'), ['2 secret']],
    ['a place for one', with_('ENV API_TOKEN= DB_PASSWORD="" USE_TOKEN=true', 'USER 1'), []],
    ['a file with one', with_('ENV TLS_KEY=/run/secrets/key', 'USER 1'), []],
    ['an address with one', with_('ENV URL=postgres://app:hunter2@db/app', 'USER 1'), ['2 secret']],
    ['an address without', with_('ENV URL=postgres://app@db/app PROXY=http://proxy:80', 'USER 1'), []],
  ],
  'what is fetched': [
    ['without a sum', with_('ADD https://example.com/a.tar.gz /a', 'USER 1'), ['2 checksum']],
    ['with one', with_(`ADD --checksum=sha256:${'a'.repeat(64)} https://example.com/a /a`, 'USER 1'), []],
    [
      'a variable',
      with_('ARG V=1', 'ENV URL=https://example.com/$V', 'ADD ["$URL", "/a"]', 'USER 1'),
      ['4 checksum'],
    ],
    ['a repository', with_('ADD https://github.com/acme/shop.git#v1 /a', 'USER 1'), []],
    ['a file', with_('ADD a.tar.gz /a', 'USER 1'), []],
  ],
  'how it is written': [
    ['in lower case', 'from node:24\nuser 1\ncmd npm start', ['3 shell-form', '3 package-manager']],
    [
      'over lines, with comments',
      with_('USER 1', 'CMD ["npm", \\', ' # why', ' "start"]'),
      ['3 package-manager'],
    ],
    [
      'with another escape',
      '# escape=`\nFROM node:24\nUSER 1\nCMD ["npm", `\n"start"]',
      ['4 package-manager'],
    ],
    ['with directives', '# syntax=docker/dockerfile:1\n# check=skip=all\nFROM node\nUSER 1', ['3 latest']],
    ['as Windows does', 'FROM node:24\r\nUSER 1\r\nCMD npm start\r\n', ['3 shell-form', '3 package-manager']],
    [
      'with a heredoc',
      with_('RUN <<EOF', 'FROM node', 'USER root', 'CMD npm start', 'EOF', 'USER 1', START),
      [],
    ],
    ['not at all', '', []],
    ['without FROM', 'CMD npm start', []],
  ],
  'what a comment silences': [
    ['one rule', '# switchyard ignore=latest\nFROM node\nUSER 1', []],
    ['several', '# switchyard ignore=latest, user\nFROM node\nCMD ["a"]', []],
    ['another rule', '# switchyard ignore=user\nFROM node\nUSER 1', ['2 latest']],
    ['among other comments', '# why\n# switchyard ignore=latest\n# and so on\nFROM node\nUSER 1', []],
    ['not above it', '# switchyard ignore=latest\n\nFROM node\nUSER 1', ['3 latest']],
    ['a later line of it', with_('# switchyard ignore=secret', 'ENV A=1 \\', '  A_TOKEN=abc', 'USER 1'), []],
  ],
};

for (const [title, cases] of Object.entries(TABLE)) {
  describe(title, () => {
    for (const [what, text, findings, options] of cases) {
      test(what, () => expect(found(text, options)).toEqual(findings));
    }
  });
}

test.each([
  ...[
    'NPM_TOKEN',
    'DB_PASSWORD',
    'AWS_SECRET_ACCESS_KEY',
    'apiKey',
    'PRIVATE_KEY',
    'TOKEN',
    'secret',
    'DB_PWD',
  ].map((name) => [name, true] as const),
  ...[
    'PUBLIC_KEY',
    'SSH_PUBLIC_KEY',
    'TOKEN_URL',
    'PASSWORD_FILE',
    'KEYBOARD',
    'NEXT_PUBLIC_API_KEY',
    'GPG_KEY',
  ].map((name) => [name, false] as const),
  ...['PWD', 'KEY', 'MONKEY', 'CACHE_KEY', 'AWS_ACCESS_KEY_ID', 'TOKENIZER', 'COMPASS', ''].map(
    (name) => [name, false] as const,
  ),
])('%s is the name of a secret: %s', (name, isSecret) => {
  expect(isSecretName(name)).toBe(isSecret);
});

/** What is nearly a Dockerfile. */
const pieces = fc.constantFrom(
  ...'FROM|ARG|ENV|USER|CMD|ENTRYPOINT|RUN|COPY|ADD|ONBUILD|SHELL|HEALTHCHECK|from|as|node|:latest|$A|${A:-|}|--from=a|--checksum='.split(
    '|',
  ),
  ...[
    '\n',
    '\n',
    '\n',
    ' ',
    ' ',
    '\\\n',
    '`\n',
    '\r\n',
    '<<EOF',
    'EOF',
    '[',
    ']',
    '"',
    "'",
    '=',
    '# escape=`\n',
    '# switchyard ignore=',
    '\0',
  ],
);

const NEARLY = fc
  .array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 60 })
  .map((all) => all.join(''));

test('any text is linted without a crash, on lines that it has', () => {
  fc.assert(
    fc.property(fc.oneof(NEARLY, fc.string({ unit: 'binary', maxLength: 300 })), (text) => {
      const lines = text.split(/\r\n|\r|\n/).length;
      for (const { line, rule } of lintDockerfile(text)) {
        expect(LINT_RULES).toContain(rule);
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(lines);
      }
    }),
    { numRuns: 2_000 },
  );
});
