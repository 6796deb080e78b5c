import type { PresetName } from '../../model/preset.ts';
import { minio } from './minio.ts';
import { mongo } from './mongo.ts';
import { mariadb, mysql } from './mysql.ts';
import { opensearch } from './opensearch.ts';
import { postgres } from './postgres.ts';
import type { Preset } from './preset.ts';
import { rabbitmq } from './rabbitmq.ts';
import { redis } from './redis.ts';

/** The presets, by their names in the file. */
export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  postgres,
  redis,
  opensearch,
  mysql,
  mariadb,
  mongo,
  rabbitmq,
  minio,
};
