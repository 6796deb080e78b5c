import * as z from 'zod';
import {
  type ContainerOptions,
  type DeviceMapping,
  type DeviceRequest,
  type OptionForms,
  type OptionName,
  optionNames,
  optionRow,
} from '../../model/container-options.ts';
import { UserError } from '../../model/errors.ts';
import { listed } from '../nearest.ts';
import {
  checkDevice,
  parseBytesOrNoLimit,
  parseCapability,
  parseDevice,
  parseExposed,
  parseExtraHosts,
  parseHostname,
  parseMicroseconds,
  parsePlatform,
  parseScratch,
  parseSecurityOption,
} from '../option-values.ts';
import { closed, key, parsed, requiredKey } from './key.ts';
import { textMap } from './maps.ts';
import { bytes, filledText, flag, oneOrMany, text, wholeNumber } from './scalars.ts';

/** Text, or a number that is meant as text. */
const word = parsed(z.union([filledText, z.number()], { error: 'must be text' }), String);

const numberOrText = (what: string) => z.union([z.number(), z.string()], { error: `must be ${what}` });

/** list returns each member that is there twice once. */
function list<T>(what: string, parse: (member: string) => T | T[]) {
  return oneOrMany(parsed(word, parse), what).transform((members) => [...new Set(members.flat() as T[])]);
}

const ulimit = z.union(
  [
    wholeNumber('a whole number, at least -1', -1).transform((both) => ({ soft: both, hard: both })),
    closed({
      soft: requiredKey(wholeNumber('a whole number, at least -1', -1), {
        description: 'What a process has to begin with.',
      }),
      hard: requiredKey(wholeNumber('a whole number, at least -1', -1), {
        description: 'What it may raise it to.',
      }),
    }),
  ],
  { error: 'must be a number, or a map with soft and hard' },
);

/** Limits of processes by name. */
export const ulimits = z.record(
  z.string().regex(/^[a-z]+$/, { error: 'must be the name of a limit: nofile' }),
  ulimit,
);

const device = z.union(
  [
    parsed(z.string(), (value): DeviceMapping => parseDevice(value)),
    parsed(
      closed({
        source: requiredKey(filledText, { description: 'Path of the device on the server.' }),
        target: key(filledText, { description: 'Path in the container.', fallback: { words: 'the same' } }),
        permissions: key(filledText, {
          description: 'What it may do with it: `r`, `w` and `m` (make).',
          fallback: { value: 'rwm' },
        }),
      }),
      (value): DeviceMapping => checkDevice(value),
    ),
  ],
  { error: 'must be text (/dev/a:/dev/b) or a map' },
);

/** A request for devices of a driver, as `gpus` and `deploy.resources.reservations.devices` have it. */
function deviceRequest(toCapabilities: (said: string[] | undefined) => string[]) {
  return parsed(
    closed({
      capabilities: key(z.array(word), {
        description: 'What the devices must be able to do: `gpu`, `compute`, `utility`.',
      }),
      driver: key(filledText, { description: 'The driver that hands them out.', example: 'driver: nvidia' }),
      count: key(
        parsed(numberOrText('a whole number, or all'), (value) => {
          if (value === 'all' || String(value) === '-1') return -1;
          if (/^[1-9]\d{0,4}$/.test(String(value))) return Number(value);
          throw new UserError('must be a whole number, at least 1, or all');
        }),
        { description: 'How many of them.', fallback: { words: '`all`' }, example: 'count: 1' },
      ),
      device_ids: key(z.array(word), {
        description: 'Which of them, in place of `count`.',
        example: 'device_ids: ["0"]',
      }),
      options: key(textMap(), { description: 'Options of the driver.' }),
    }),
    ({ capabilities, driver, count, device_ids: ids, options }): DeviceRequest => {
      if (count !== undefined && ids !== undefined) {
        throw new UserError('count and device_ids exclude each other', { hint: 'Keep one of the two.' });
      }
      return {
        capabilities: toCapabilities(capabilities),
        ...(driver !== undefined && { driver }),
        ...(ids === undefined ? { count: count ?? -1 } : { ids }),
        ...(options !== undefined && { options }),
      };
    },
  );
}

/** What `deploy.resources.reservations.devices` takes: the same as `gpus`, with capabilities that are not `gpu`. */
export const reservedDevices = z.array(
  deviceRequest((said) => {
    if (said === undefined || said.length === 0) {
      throw new UserError('needs capabilities', { hint: 'Write capabilities: [gpu].' });
    }
    return said;
  }),
);

const gpu = deviceRequest((said = []) => [...new Set(['gpu', ...said])]);

const gpus = z.union(
  [
    z
      .literal('all', { error: 'must be all, or a list' })
      .transform((): DeviceRequest[] => [{ capabilities: ['gpu'], count: -1 }]),
    z.array(gpu),
  ],
  { error: 'must be all, or a list of maps' },
);

const perDevice = <S extends z.ZodType>(name: string, schema: S, description: string) =>
  z.array(
    closed({
      path: requiredKey(filledText, { description: 'Path of the device on the server.' }),
      [name]: requiredKey(schema, { description }),
    }),
  );
const weight = wholeNumber('a whole number from 10 to 1000', 10, 1000);
const perSecond = (what: string) => ({
  bytes: key(perDevice('rate', bytes, 'Bytes a second.'), {
    description: `Bytes that it may ${what} a second, by device.`,
  }),
  operations: key(perDevice('rate', wholeNumber('a whole number', 0), 'Operations a second.'), {
    description: `How often it may ${what} a second, by device.`,
  }),
});
const [read, write] = [perSecond('read'), perSecond('write')];

const blockIo = closed({
  weight: key(weight, { description: 'Its weight among all containers, 10 to 1000.' }),
  weight_device: key(perDevice('weight', weight, 'Its weight there.'), {
    description: 'Its weight, by device.',
  }),
  device_read_bps: read.bytes,
  device_read_iops: read.operations,
  device_write_bps: write.bytes,
  device_write_iops: write.operations,
});

/** Names with their addresses, in all forms of Compose's `extra_hosts`. */
export const hostList = z.union(
  [
    z.array(z.string()),
    z.record(z.string(), z.union([z.string(), z.array(z.string())], { error: 'must be an address' })),
  ],
  { error: 'must be a list of name:address, or a map' },
);

/** How each form is read; those that depend on the row are made for it. */
const FORMS: {
  [F in keyof OptionForms]: (row: ReturnType<typeof optionRow>) => z.ZodType;
} = {
  text: () => word,
  hostname: () => parsed(word, parseHostname),
  platform: () => parsed(word, parsePlatform),
  choice: ({ choices = [], otherwise }) =>
    z.enum(choices as [string], {
      error: `must be ${listed(choices, 'or')}${otherwise === undefined ? '' : `: ${otherwise}`}`,
    }),
  flag: () => flag,
  size: () => bytes,
  'size or -1': () =>
    parsed(numberOrText('a size such as 512m, or -1'), parseBytesOrNoLimit).meta({ takes: 'size or -1' }),
  'whole number': ({ range: [min, max] = [0, Number.MAX_SAFE_INTEGER] }) =>
    wholeNumber(`a whole number from ${min} to ${max}`, min, max),
  microseconds: () =>
    parsed(numberOrText('microseconds, or a duration'), parseMicroseconds).meta({
      takes: 'number or duration',
    }),
  words: () => list('text', (member) => member),
  map: () => textMap(),
  capabilities: () => list('a capability', parseCapability),
  'security options': () => list('an option', parseSecurityOption),
  hosts: () => parsed(hostList, parseExtraHosts),
  'scratch space': () =>
    oneOrMany(
      parsed(text, (said) => Object.fromEntries([parseScratch(said)])),
      'a path',
    ).transform((paths): Record<string, string> => Object.assign({}, ...paths)),
  ports: () => list('a port', parseExposed),
  ulimits: () => ulimits,
  devices: () => z.array(device),
  'device requests': () => gpus,
  'block io': () => blockIo,
};

/** The keys of a service that are options of its container, each with what the table says of it. */
export const containerOptionKeys = Object.fromEntries(
  optionNames().map((name) => {
    const row = optionRow(name);
    const { description, example, short, long, fallback } = row;
    return [
      name,
      key(FORMS[row.form](row), {
        from: 'Compose',
        description,
        ...(fallback !== undefined && { fallback: { words: fallback } }),
        ...(example !== undefined && { example }),
        ...(short !== undefined && { short }),
        ...(long !== undefined && { long }),
      }),
    ];
  }),
) as { [N in OptionName]: z.ZodOptional<z.ZodType<NonNullable<ContainerOptions[N]>>> };
