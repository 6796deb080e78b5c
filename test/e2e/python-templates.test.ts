import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { docker } from '../lab/command.ts';
import { ask } from './ask.ts';
import { type Fleet, fleet } from './fleet.ts';
import { fullSizeTest } from './full-size-test.ts';
import { type LabBuilder, labBuilder } from './lab-builders.ts';
import { commit, ENDS_MS, type Files, proven, push, shopOf } from './made-projects.ts';
import type { Project } from './project.ts';
import { pythonBase } from './python-base.ts';
import { said } from './said.ts';
import { size } from './size.ts';
import { redisService } from './web-shop.ts';

jest.setTimeout(600_000);

const FASTAPI: Files = {
  'app/requirements.txt': 'fastapi\nuvicorn\n',
  'app/requirements/loop.txt': 'httptools\n',
  'app/requirements/dev.txt': 'no-such-package-of-anybody\n',
  'app/shop/main.py': `import asyncio
from fastapi import FastAPI

app = FastAPI()

@app.get("/")
async def home():
    return "hello"

@app.get("/slow")
async def slow():
    print("slow is asked")
    await asyncio.sleep(0.4)
    return "slow"
`,
};

const FLASK = `import time
from flask import Flask

def create_app():
    app = Flask(__name__)

    @app.get("/")
    def home():
        return "hello"

    @app.get("/slow")
    def slow():
        print("slow is asked")
        time.sleep(0.4)
        return "slow"

    return app
`;

const FLASK_UV: Files = {
  'app/pyproject.toml':
    '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["flask", "gunicorn"]\n',
  'app/shop/__init__.py': FLASK,
};

const FLASK_PIPENV: Files = {
  'app/Pipfile': '[packages]\nflask = "*"\ngunicorn = "*"\n',
  'app/shop/__init__.py': FLASK,
};

/** What writes a lock file: a tool, its version, and what it is told. */
type Lock = [requirement: string, ...words: string[]];

/** What people have. */
const SAMPLES: [name: string, files: Files, lock?: Lock][] = [
  ['fastapi-pip', FASTAPI],
  ['flask-uv', FLASK_UV, ['uv', 'uv', 'lock', '--no-python-downloads']],
  ['flask-pipenv', FLASK_PIPENV, ['pipenv', 'pipenv', 'lock']],
];

let lab: Fleet;
let python: string;
let builder: LabBuilder;

beforeAll(async () => {
  lab = await fleet();
  builder = await labBuilder('engine', lab);
  // Making it takes minutes.
  python = size.isFull ? await pythonBase(lab) : 'python:3.14-slim';
});

afterAll(async () => {
  if (size.isFull) await builder?.forget('*/templates/sample-*');
});

/** lockIn has a tool write its lock file, in a container with the Python that the app gets. */
async function lockIn(folder: string, [requirement, ...words]: Lock): Promise<void> {
  const script =
    'python3 -m venv /t && /t/bin/pip install --quiet "$0" && PATH=/t/bin:$PATH VIRTUAL_ENV=/t exec "$@"';
  const mount = ['--volume', `${folder}:/app`, '--workdir', '/app'];
  await docker(['run', '--rm', ...mount, python, 'sh', '-c', script, requirement, ...words]);
}

fullSizeTest.each(SAMPLES)(
  '%s is built, answers as nobody, and ends when it has answered',
  async (...[kind, files, lock]) => {
    const name = `sample-${kind}`;
    const shop = await shopOf(lab, name, { app: { template: { name: 'python', base: python }, port: 8000 } });
    await commit(shop, files);
    if (lock !== undefined) await lockIn(join(shop.folder, 'app'), lock);
    await commit(shop, { 'app/README.md': 'A shop' });
    expect(await push(shop, builder)).toEqual({ app: 'built' });
    expect((await ask(lab.servers[0]!, `app.${name}.example.com`, '/')).body).toMatch('hello');
    expect(await push(shop, builder)).toEqual({ app: 'present' });
    const { user, ms, answer } = await proven(lab, shop, 'app', '/slow');
    expect([user, answer]).toEqual(['10001', expect.stringMatching('slow')]);
    expect(ms).toBeLessThan(ENDS_MS);
    await shop.leave();
  },
);

/** A worker of Celery with dependencies of poetry, which takes its jobs from a Redis. */
const CELERY: Files = {
  'worker/pyproject.toml':
    '[tool.poetry]\nname = "mailer"\nversion = "1"\npackage-mode = false\n[tool.poetry.dependencies]\npython = "^3.11"\ncelery = { version = "^5.5", extras = ["redis"] }\n',
  'worker/mailer/__init__.py': '',
  'worker/mailer/tasks.py': `import os
from celery import Celery

host, port = os.environ["SWITCHYARD_BROKER_HOST"], os.environ["SWITCHYARD_BROKER_PORT"]
app = Celery("mailer", broker=f"redis://{host}:{port}/0")
`,
};

fullSizeTest('a worker of Celery ends at once, but for one with processes of its own', async () => {
  const shop = await shopOf(lab, 'sample-queue', { worker: { template: {} } });
  await commit(shop, CELERY);
  await lockIn(join(shop.folder, 'worker'), ['poetry', 'poetry', 'lock']);
  const ended: Record<string, number> = {};
  for (const pool of ['threads', 'solo', 'prefork']) {
    const start = `celery --app mailer.tasks worker --loglevel info --pool ${pool} --concurrency 2`;
    shop.edit(({ services }) => {
      services.broker = redisService(lab);
      services.worker = {
        build: { context: './worker', template: { name: 'python', base: python, start } },
        depends_on: ['broker'],
        healthcheck: { start_period: '3s' },
      };
    });
    await commit(shop, {});
    expect(await push(shop, builder)).toEqual({ worker: 'built' });
    await untilReady(shop);
    const { user, ms, code } = await proven(lab, shop, 'worker');
    expect({ pool, user, code }).toEqual({ pool, user: '10001', code: 0 });
    ended[pool] = Math.round(ms);
  }
  console.log(`ms from SIGTERM to the end: ${JSON.stringify(ended)}`);
  expect(ended.threads).toBeLessThan(ENDS_MS);
  expect(ended.solo).toBeLessThan(ENDS_MS);
  await shop.leave();
});

/** untilReady waits until a worker takes jobs. */
async function untilReady(shop: Project): Promise<void> {
  const [server] = lab.servers as [Fleet['servers'][number]];
  const [container] = (await shop.containers(server, 'worker')) as [string];
  const deadline = performance.now() + 60_000;
  // It says so on stderr.
  const logs = () => server.exec(['sh', '-c', `docker logs ${container} 2>&1`]);
  while (!/ ready\./.test((await logs()).stdout)) {
    if (performance.now() > deadline) throw new Error(`${container} takes no jobs`);
  }
}

test('an app that has no server is told what to add', async () => {
  const shop = await shopOf(lab, 'sample-lacking', {
    app: { template: { name: 'python', base: python }, port: 8000 },
  });
  await commit(shop, {
    'app/requirements.txt': 'flask\n',
    'app/app.py': 'from flask import Flask\napp = Flask(__name__)\n',
  });
  expect(said(await shop.run('build-push', { 'ssh-private-key': '' }, builder.env))).toMatch(
    /app: Flask \(app\.py\) has no server that is meant for users\n→ Add gunicorn/,
  );
  await shop.leave();
});
