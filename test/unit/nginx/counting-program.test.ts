import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { COUNTING_PROGRAM } from '../../../src/nginx/counting-program.ts';
import { parseFigures } from '../../../src/nginx/traffic.ts';

/** Those of the awks that people have which are here. */
const AWKS = [['mawk'], ['gawk'], ['original-awk'], ['busybox', 'awk']].filter(
  ([program = '', ...words]) => spawnSync(program, [...words, 'BEGIN { exit 7 }']).status === 7,
);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchyard-counting-'));
  for (const name of ['shm', 'config/a/backends', 'config/flags'])
    mkdirSync(join(folder, name), { recursive: true });
  write('config/nginx.conf', 'include /etc/switchyard/a/main.conf;\n');
  write('config/a/main.conf', '        include /etc/switchyard/a/control/shop_production.conf;\n');
  write(
    'config/a/backends/shop_production.tsv',
    [row('base', '10.0.0.1:8000'), row('secondary', '10.0.0.1:8001')].join(''),
  );
});

afterEach(() => rmSync(folder, { recursive: true }));

describe.each(AWKS.map((words) => words.join(' ')))('counted by %s', (awk) => {
  const [program = '', ...words] = awk.split(' ');

  test('requests are told by copy and answer, with times in buckets', () => {
    const text = counted(program, words, [
      request('200', '0.004', '10.0.0.1:8000', '200', '0.003'),
      request('200', '0.300', '10.0.0.1:8000', '200', '0.299'),
      request('502', '0.001', '10.0.0.1:8001', '502', '0.001'),
      request('200', '0.100', '10.0.0.1:8001, 10.0.0.1:8000', '502, 200', '0.000, 0.100'),
      request('200', '0.100', '10.0.0.1:8001 : 10.0.0.1:8000', '504 : 200', '0.001 : 0.100'),
      request('301', '0.000', '-', '-', '-'),
    ]);
    expect(amountOf(text, 'requests_total', { copy: 'shop_production_web', code: '200' })).toBe(4);
    expect(amountOf(text, 'requests_total', { copy: 'shop_production_web_secondary', code: '502' })).toBe(1);
    expect(amountOf(text, 'upstream_failures_total', { side: 'secondary' })).toBe(3);
    const bucket = (le: string) => amountOf(text, 'request_duration_seconds_bucket', { side: 'base', le });
    expect(['0.005', '0.1', '0.25', '0.5', '+Inf'].map(bucket)).toEqual([1, 3, 3, 4, 4]);
    expect(amountOf(text, 'request_duration_seconds_sum', { side: 'base' })).toBeCloseTo(0.504);
    const own = parseFigures(text).filter(
      ({ name, labels }) => name.endsWith('requests_total') && !labels.copy,
    );
    expect(own).toMatchObject([{ labels: { service: 'web', code: '301' }, value: 1 }]);
  });

  test('labels come from the configuration alone: what is not known is no series of its own', () => {
    const strange = Array.from({ length: 500 }, (_, index) =>
      request(String(200 + index), '0.001', `10.9.9.9:${index}`, '200', '0.001'),
    );
    const text = counted(program, words, [
      ...strange,
      '|404|-|-\t1\t1\t0\t-\n',
      'shop_production gone|200|-|-\t1\t1\t0\t-\n',
      'torn',
      '\n\n',
    ]);
    const series = parseFigures(text).filter(({ name }) => name === 'switchyard_requests_total');
    expect(series.length).toBeLessThan(40);
    expect(new Set(series.map(({ labels }) => labels.copy))).toEqual(new Set(['unknown']));
    expect(amountOf(text, 'unrouted_requests_total', { code: '404' })).toBe(1);
    expect(amountOf(text, 'skipped_lines_total', {})).toBe(3);
  });

  test('a file is emptied when it was counted, and counts outlive the program', () => {
    const lines = [request('200', '0.004', '10.0.0.1:8000', '200', '0.003')];
    counted(program, words, lines);
    expect(read('shm/requests.0') + read('shm/requests.1')).toBe('');
    const again = counted(program, words, lines);
    expect(amountOf(again, 'requests_total', { code: '200' })).toBe(2);
    write('config/a/backends/shop_production.tsv', row('secondary', '10.0.0.1:8001'));
    const without = counted(program, words, []);
    expect(parseFigures(without).some(({ name }) => name === 'switchyard_requests_total')).toBe(false);
  });

  test('the text is what Prometheus takes, by its own tool', () => {
    const text = counted(program, words, [request('200', '0.004', '10.0.0.1:8000', '200', '0.003')]);
    const { error, status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: text,
      encoding: 'utf8',
    });
    // It is there where Debian's package "prometheus" is.
    if (error !== undefined) return;
    expect(`${stdout}${stderr}`).toBe('');
    expect(status).toBe(0);
  });
});

test('there is an awk to try', () => {
  expect(AWKS.length).toBeGreaterThan(0);
});

/** counted runs the program once over these lines, and returns its figures. */
function counted(program: string, words: readonly string[], lines: readonly string[]): string {
  write('shm/requests.0', lines.filter((_, index) => index % 2 === 0).join(''));
  write('shm/requests.1', lines.filter((_, index) => index % 2 === 1).join(''));
  // Instead of its endless loop: both files at once.
  const once = COUNTING_PROGRAM.replace(
    / {2}while \(1\) \{\n[\s\S]*?\n {2}\}\n/,
    '  count(SHM "/requests.0"); count(SHM "/requests.1"); publish()\n',
  )
    .replaceAll('/etc/switchyard"', `${join(folder, 'config')}"`)
    .replaceAll('/dev/shm', join(folder, 'shm'));
  write('program.awk', once);
  const { stderr, status } = spawnSync(program, [...words, '-f', join(folder, 'program.awk')], {
    encoding: 'utf8',
  });
  expect([stderr, status]).toEqual(['', 0]);
  return read('shm/metrics');
}

function row(side: string, address: string): string {
  const copy = side === 'base' ? 'shop_production_web' : `shop_production_web_${side}`;
  return `${['shop_production web', 'shop', 'production', 'web', 'lon1', address, copy, side, 'a', '-', 'always'].join('\t')}\n`;
}

function request(status: string, seconds: string, address: string, answered: string, took: string): string {
  return `${[`shop_production web|${status}|${address}|${answered}`, '100', '200', seconds, took].join('\t')}\n`;
}

function amountOf(text: string, name: string, labels: Record<string, string>): number {
  return parseFigures(text)
    .filter((one) => one.name === `switchyard_${name}`)
    .filter((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((total, { value }) => total + value, 0);
}

function write(path: string, text: string): void {
  writeFileSync(join(folder, path), text);
}

function read(path: string): string {
  return readFileSync(join(folder, path), 'utf8');
}
