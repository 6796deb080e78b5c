import { readdirSync, readFileSync } from 'node:fs';
import { Project, serversOf } from '../e2e/project.ts';
import { startLab } from '../lab/lab.ts';
const lab = await startLab({ name: 'bench', servers: 4, log: () => {} });
function snap() { const m = new Map<string, [string, number, number]>(); for (const p of readdirSync('/proc')) { if (!/^\d+$/.test(p)) continue; try { const s = readFileSync(`/proc/${p}/stat`,'utf8'); const comm = s.slice(s.indexOf('(')+1, s.lastIndexOf(')')); const f = s.slice(s.lastIndexOf(')')+2).split(' '); m.set(p+f[19], [comm, (+f[11]! + +f[12]!)*10, (+f[13]! + +f[14]!)*10]); } catch {} } return m; }
try {
const shop = await Project.create(lab, { project: 'prof', sidecar: { image: lab.images.nginx, keepalive_min_timeout: '1s' },
    environments: { production: { provider: 'static', user: 'deploy', servers: serversOf(lab.servers) } },
    services: { web: { image: lab.images.web('v1'), port: 3000, domain: `prof.example.com`, servers: 4, healthcheck: { path: '/health' } } } });
await shop.deploy();
const sum = new Map<string, number>();
const N = 5;
for (let i=0;i<N;i++) {
  shop.edit((c) => { c.services.web!.environment = { RUN: String(Math.random()) }; });
  const a = snap();
  const r = shop.start('toggle-deploy');
  await r.says(/^switch \(/m);
  const b = snap();
  for (const [k,[comm,self,kids]] of b) { const [,s0,k0] = a.get(k) ?? [comm,0,0]; sum.set(comm, (sum.get(comm)??0)+self-s0); if (kids-k0) sum.set(comm+' (children)', (sum.get(comm+' (children)')??0)+kids-k0); }
  await r.done;
}
console.log([...sum].filter(([,v])=>v>0).sort((a,b)=>b[1]-a[1]).slice(0,30).map(([k,v])=>`${(v/N).toFixed(0)} ${k}`).join('\n'));
} finally { await lab.down(); }
