import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { LabServer } from '../lab/lab.ts';
import type { HttpTraffic } from '../lab/traffic/http.ts';
import { versionOf } from './ask.ts';
import { editRecordByHand } from './by-hand.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import type { Project } from './project.ts';
import { said } from './said.ts';
import { startUsers } from './users.ts';
import { newWebShop, release, webService } from './web-shop.ts';

jest.setTimeout(300_000);

/** The record is written by many, protected, damaged and lost. Users notice nothing of it. */
describe('The state branch', () => {
  let lab: Fleet;
  let server: LabServer;
  let shop: Project;
  let twin: Project | undefined;
  let traffic: HttpTraffic;

  beforeAll(async () => {
    lab = await fleet();
    server = lab.servers[0]!;
    shop = await newWebShop(lab, 'branch', [server]);
    shop.edit(({ services }) => {
      services.api = webService(lab, 'branch-api', 1);
    });
    await shop.stands();
    traffic = startUsers([server], 'branch.example.com');
  });

  beforeEach(() => shop.stands());

  afterAll(async () => {
    await traffic?.untilSent(100);
    const { lost, losses } = await traffic.stop();
    await Promise.all([shop?.leave(), twin?.leave()]);
    expect({ lost, losses }).toEqual({ lost: 0, losses: [] });
  });

  fullSizeTest(
    'is written by runs of two services and of another project at once: all changes survive',
    async () => {
      twin = shop.beside(
        { ...structuredClone(shop.config), project: 'twin', services: { web: webService(lab, 'twin', 1) } },
        'twin.yml',
      );
      const before = await shop.releases();
      release(shop, 'web', 'v2');
      release(shop, 'api', 'v3');
      const runs = [{ service: 'web' }, { service: 'api' }].map((inputs) =>
        shop.run('toggle-deploy', inputs),
      );
      const ended = await Promise.all([...runs, twin.run('toggle-deploy')]);
      expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
      expect(await shop.releases()).toEqual({ web: before.web! + 1, api: before.api! + 1 });
      expect((await twin.recorded('web')).copies).toHaveLength(1);
      for (const [name, version] of [
        ['branch', 'v2'],
        ['branch-api', 'v3'],
        ['twin', 'v1'],
      ] as const) {
        expect(await versionOf(server, `${name}.example.com`)).toBe(version);
      }
    },
  );

  test('is protected: said before anything is changed, also in a first deploy', async () => {
    const guarded = await newWebShop(lab, 'guarded', [server]);
    // As branch rules do, it lets the lease through: its ref is no branch.
    const rule = '#!/bin/sh\ncase "$1" in refs/heads/*) echo "GH006: Protected branch" >&2; exit 1;; esac\n';
    writeFileSync(join(guarded.origin, 'hooks', 'update'), rule, { mode: 0o755 });
    const refused = said(await guarded.failToDeploy());
    expect(refused).toMatch('the branch is protected');
    expect(refused).toMatch('except the branch "switchyard-state"');
    expect(await guarded.standing()).toEqual({});
    expect(await server.docker('network', 'ls', '--format', '{{.Name}}')).not.toMatch('guarded');
    expect(await guarded.lease()).toMatchObject({ released: true });
  });

  test.each([
    ['damaged', (text: string) => text.slice(0, 40), 'is not valid JSON'],
    ['of a newer schema', (text: string) => text.replace('"schema": 1', '"schema": 9'), 'has schema 9'],
  ])('holds a record that is %s: said before anything is changed', async (_what, spoil, sentence) => {
    const [before, standing] = [await shop.recordId(), await shop.standing()];
    await editRecordByHand(shop, spoil);
    release(shop, 'web', another());
    expect(said(await shop.failToDeploy())).toMatch(sentence);
    expect(await shop.standing()).toEqual(standing);
    await shop.inOrigin('update-ref', 'refs/heads/switchyard-state', before!);
  });

  fullSizeTest('holds more than this version knows: it is kept', async () => {
    await editRecordByHand(shop, (text) => JSON.stringify({ ...JSON.parse(text), later: { field: 1 } }));
    const version = another();
    await release(shop, 'web', version).deploy();
    expect(await versionOf(server, 'branch.example.com')).toBe(version);
    expect(await shop.state()).toMatchObject({ later: { field: 1 } });
  });

  fullSizeTest(
    'is deleted: the servers tell what runs, nothing is restarted, and release numbers go on',
    async () => {
      const [standing, before] = [await shop.standing(), await shop.recorded('web')];
      await shop.inOrigin('update-ref', '-d', 'refs/heads/switchyard-state');
      await shop.deploy();
      expect(await shop.standing()).toEqual(standing);
      const { image, copies } = await shop.recorded('web');
      expect({ image, copies }).toEqual({ image: shop.config.services.web!.image, copies: before.copies });
      const version = another();
      await release(shop, 'web', version).deploy();
      expect(await versionOf(server, 'branch.example.com')).toBe(version);
      expect((await shop.recorded('web')).release).toBeGreaterThan(before.release);
    },
  );

  /** A version that does not serve. */
  function another(): string {
    return shop.config.services.web!.image === lab.images.web('v3') ? 'v1' : 'v3';
  }
});
