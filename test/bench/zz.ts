import { Project, serversOf } from '../e2e/project.ts';
import { attachLab } from '../lab/lab.ts';

const lab = await attachLab('bench');
const shop = await Project.create(lab, {
  project: 'prof',
  sidecar: { image: lab.images.nginx, keepalive_min_timeout: '1s' },
  environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(lab.servers) } },
  services: {
    web: {
      image: lab.images.web('v1'),
      port: 3000,
      domain: `prof.example.com`,
      servers: 4,
      healthcheck: { path: '/health' },
    },
  },
});
await shop.deploy();
const all: string[] = [];
import { readFileSync } from 'node:fs';
const cpu = () => { const l = readFileSync('/proc/stat','utf8').split('\n')[0]!.split(/\s+/).slice(1).map(Number); return { busy: (l[0]!+l[1]!+l[2]!+l[5]!+l[6]!)*10, idle: (l[3]!+l[4]!)*10, steal: l[7]!*10 }; };

for (let i = 0; i < 5; i++) {
  shop.edit((c) => {
    c.services.web!.environment = { RUN: String(Math.random()) };
  });
  const t = performance.now(); const c0 = cpu();
  const r = shop.start('toggle-deploy');
  await r.says(/^switch \(/m);
  const c1=cpu(); all.push(`${Math.round(performance.now()-t)}(busy ${c1.busy-c0.busy} idle ${c1.idle-c0.idle} steal ${c1.steal-c0.steal})`)
  const o = await r.done;
  if (o.code || i===4) console.log(o.log.split('\n').filter(l=>/\d s\)/.test(l)).join('\n'));
}
console.log(all.join(' '));
shop.edit((c) => {
  c.services = {};
});
await shop.deploy();
