import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import { ask } from './ask.ts';
import { watchCommandLines } from './command-lines.ts';
import { type Fleet, fleet } from './fleet.ts';
import { once } from './once.ts';
import { Project } from './project.ts';
import { said } from './said.ts';
import { newProject, webService } from './web-shop.ts';

jest.setTimeout(300_000);

const DOMAIN = 'api.values.example';

/** Texts that a shell, a template, a log or a parser would like to change. */
const hard: Record<string, string> = {
  QUOTES: `it's "quoted", and \\"so\\" on`,
  LINES: '\nfirst\n\n  second\r\nthird \t',
  SHELL: '$(touch /tmp/pwned) `touch /tmp/pwned` ${HOME} $HOME $$ && exit 1; # gone',
  UNICODE: 'žluťoučký kůň 🐎 日本語 \u202eabc',
  DASHES: '--rm -v /:/host',
  PERCENT: '%s%n%0A100%',
  COMMAND: '::error::not an error\n##[endgroup]\n::add-mask::e',
  BACKSLASH: 'C:\\new\\table\\$x',
  EQUALS: '=a=b=c=',
  MARKUP: '| <b>&amp; ```\n[x](y) ${{ secrets.X }} {{.Names}}',
  NUMBER: '007',
  LONG: 'x'.repeat(60_000),
};

/** Case 9: values arrive byte for byte, and secrets show up nowhere but where they are needed. */
describe('Values of environment and secrets', () => {
  /** In every secret, so that one search finds them all. */
  const marker = randomBytes(8).toString('hex');
  const secrets = Object.fromEntries(
    Object.entries(hard).map(([name, value]) => [`SECRET_${name}`, `${value}${marker}${name}`]),
  );
  const made = `postgres://app:${secrets.SECRET_SHELL}@db?${secrets.SECRET_PERCENT}`;
  let lab: Fleet;
  let server: LabServer;
  let shop: Project;

  beforeAll(async () => {
    lab = await fleet();
    server = lab.servers[0]!;
    shop = await newProject(lab, 'values', [server], {
      api: {
        ...webService(lab, 'values', 1),
        domain: DOMAIN,
        environment: {
          ...Object.fromEntries(Object.entries(hard).map(inFile)),
          EXPOSE_ENV: '1',
          EMPTY: '',
          ...Object.fromEntries(Object.keys(secrets).map((name) => [name, null])),
          MADE: 'postgres://app:${SECRET_SHELL}@db?${SECRET_PERCENT}',
        },
        secrets: ['secret_equals', { source: 'SECRET_LINES', target: '/etc/api/lines', mode: '0440' }],
      },
    });
  });

  afterAll(async () => {
    await shop?.leave();
  });

  test('a secret that is missing or blank fails the run before a server or the record is touched', async () => {
    const { SECRET_QUOTES: _, ...rest } = secrets;
    const failed = await shop.failToDeploy(given({ ...rest, SECRET_QUOTE: 'x', SECRET_LINES: ' \n ' }));
    expect(said(failed)).toMatch(/secret SECRET_QUOTES is not set.*SECRET_QUOTE\b/);
    expect(said(failed)).toMatch('secret SECRET_LINES is blank');
    expect(said(failed)).toMatch(/::error title=Switchyard,file=switchyard.yml,line=\d+,col=\d+::/);
    expect(failed.log).not.toMatch(/connect|Connect/);
    expect(failed.log).not.toMatch(marker);
    expect(await shop.lease()).toBeUndefined();
    expect(await shop.recordId()).toBeUndefined();
    expect(await shop.standing()).toEqual({});
  });

  test('a service name that is no DNS label is refused with the rule', async () => {
    const other = await Project.create(lab, {
      ...structuredClone(shop.config),
      services: { My_Api: { image: lab.images.web('v1'), port: 3000 } },
    });
    expect(said(await other.failToDeploy())).toMatch(
      /switchyard.yml:\d+:\d+: services.My_Api: service name "My_Api" is not allowed\n→ Use lower-case letters, digits and hyphens, starting with a letter/,
    );
    expect(await other.lease()).toBeUndefined();
  });

  /** The first deploy with all of them, and every command line that was seen meanwhile. */
  const arrived = once(async () => {
    const watch = watchCommandLines();
    const run = await shop.deploy(given(secrets));
    return { run, commandLines: watch.stop() };
  });

  test('all of them arrive byte for byte', async () => {
    await arrived();
    const { status, body } = await ask(server, DOMAIN, '/env');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({ ...hard, EMPTY: '', ...secrets, MADE: made });
    expect((await server.exec(['ls', '/tmp'])).stdout).not.toMatch('pwned');
  });

  test('as files they are for the user of the container alone, also after a restart', async () => {
    await arrived();
    const [container = ''] = await shop.containers(server, 'api');
    const modeOf = (path: string) => server.docker('exec', container, 'stat', '-c', '%a', path);
    const textOf = (path: string) => server.docker('exec', container, 'cat', path);
    expect((await modeOf('/run/secrets/secret_equals')).trim()).toBe('400');
    expect((await modeOf('/etc/api/lines')).trim()).toBe('440');
    expect(await textOf('/run/secrets/secret_equals')).toMatch(secrets.SECRET_EQUALS!);
    await server.docker('restart', '--time', '1', container);
    expect(await textOf('/run/secrets/secret_equals')).toMatch(secrets.SECRET_EQUALS!);
    expect(await textOf('/etc/api/lines')).toContain(secrets.SECRET_LINES!.trim());
  });

  test('secrets are in no log, summary or output', async () => {
    const { log, summary, outputs } = (await arrived()).run;
    for (const text of [log, summary, ...Object.values(outputs)]) expect(text).not.toMatch(marker);
  });

  test('secrets are on no command line, on the runner or the server', async () => {
    const all = (await arrived()).commandLines.join('\n');
    // The watch did look: it saw the action itself, and what runs in the server.
    expect(all).toMatch('toggle-deploy.js');
    expect(all).toMatch('/app/server.mjs');
    expect(all).not.toMatch(marker);
  });

  test('secrets are in no object of the repository, and in no file of edge and sidecar', async () => {
    await arrived();
    const objects = await shop.inOrigin('cat-file', '--batch-all-objects', '--batch');
    expect(objects).toMatch('"secrets_version"');
    expect(objects).not.toMatch(marker);
    for (const name of ['switchyard_edge', 'values_production_nginx']) {
      const files = await server.docker(
        'exec',
        name,
        'sh',
        '-c',
        'cat /etc/switchyard/*/*.json /etc/switchyard/*/*.conf',
      );
      expect(files).toMatch('Written by Switchyard');
      expect(files).not.toMatch(marker);
    }
    const [container = ''] = await shop.containers(server, 'api');
    const labels = await server.docker('inspect', '--format', '{{json .Config.Labels}}', container);
    expect(labels).not.toMatch(marker);
  });

  test('the same secrets again change nothing; another value is a new release that names no value', async () => {
    await arrived();
    const { release } = await shop.recorded('api');
    expect((await shop.deploy(given(secrets))).outputs.changed).toBe('false');
    const changed = { ...secrets, SECRET_QUOTES: `another ${marker}` };
    const run = await shop.deploy(given(changed));
    expect(run.log).toMatch(new RegExp(`api ${release} → ${release + 1}: .*\\(secrets\\)`));
    expect(run.log + run.summary).not.toMatch(marker);
    expect(JSON.parse((await ask(server, DOMAIN, '/env')).body)).toMatchObject(changed);
  });

  test('a container that prints its secret as it dies: the log shows it masked', async () => {
    shop.edit(({ services }) => {
      services.api!.command = [
        'node',
        '-e',
        'console.log("key " + process.env.SECRET_DASHES); process.exit(1)',
      ];
    });
    const failed = await shop.failToDeploy(given(secrets));
    expect(said(failed)).toMatch('| key ***');
    expect(failed.log + failed.summary).not.toMatch(marker);
  });

  function given(values: Record<string, string>): Record<string, string> {
    return { secrets: JSON.stringify(values) };
  }
});

/** A dollar sign is written twice in the file, or it would begin a variable. */
function inFile([name, value]: [string, string]): [string, string] {
  return [name, value.replaceAll('$', '$$$$')];
}
