import { afterEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { BareSuite } from '../lab/recipes.ts';
import { versionOf } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { type ConfigFile, Project, serversOf } from './project.ts';
import { webService } from './web-shop.ts';

jest.setTimeout(600_000);

describe('A bare server', () => {
  const removals: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(removals.splice(0).map((remove) => remove()));
  });

  /** A project with one web service on a server that has nothing but sshd. */
  async function shopOnBare(
    name: string,
    suite: BareSuite,
    bootstrap: unknown = true,
  ): Promise<{ lab: Fleet; server: LabServer; shop: Project }> {
    const lab = await fleet();
    const server = await lab.newBareServer(suite);
    removals.push(server.remove);
    const environment = { provider: 'static', user: 'deploy', bootstrap, servers: serversOf([server]) };
    const config: ConfigFile = {
      project: name,
      sidecar: lab.sidecar,
      environments: { production: environment },
      services: { web: webService(lab, name, 1) },
    };
    return { lab, server, shop: await Project.create(lab, config) };
  }

  test('becomes one that a deploy answers from, and a second run changes nothing', async () => {
    const { server, shop } = await shopOnBare('from-nothing', 'trixie');
    const planned = await shop.run('provision');
    expect(planned).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    expect((await server.exec(['id', 'deploy'])).code).not.toBe(0);

    const applied = await shop.run('provision', { mode: 'apply' });
    expect(applied.log).toContain('docker: has now Docker');
    expect(applied).toMatchObject({ code: 0, outputs: { changed: 'true' } });
    await shop.deploy();
    expect(await versionOf(server, 'from-nothing.example.com')).toBe('v1');

    expect(await shop.run('provision', { mode: 'apply' })).toMatchObject({
      code: 0,
      outputs: { changed: 'false' },
    });
    expect(await shop.run('doctor', { 'exit-code': 'true' })).toMatchObject({ code: 0 });
  });
});
