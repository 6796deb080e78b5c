import { describe, expect, test } from '@jest/globals';
import { checkData } from '../../../src/deploy/planning/data-refusals.ts';
import { resolveText } from '../config/files.ts';

/** The service `db` with these keys. */
const db = (keys: string) =>
  resolveText(`project: shop\nenvironments: { local: { provider: local } }\nservices: { db: { ${keys} } }`)
    .services[0]!;

/** What is told when this shall run, and that does. */
function refusal(wanted: string, running: string | undefined): string | undefined {
  try {
    checkData([db(wanted)], () => (running === undefined ? undefined : db(running)));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('data of another version', () => {
  test('is refused to another major one, forth and back', () => {
    expect(refusal('preset: postgres, version: "17"', 'preset: postgres, version: "16"')).toBe(
      'db: the volume db-data has data of postgres 16, which postgres 17 cannot be given',
    );
    expect(refusal('preset: mysql, version: "8.4"', 'preset: mysql, version: "9.1"')).toBe(
      'db: the volume db-data has data of mysql 9.1, which mysql 8.4 cannot be given',
    );
  });

  test('is refused to another database', () => {
    expect(refusal('preset: mariadb', 'preset: mysql')).toBe(
      'db: the volume db-data has data of mysql 8.4, which mariadb 11.8 cannot be given',
    );
  });

  test('is refused where it was there before the preset, by the tag of the image', () => {
    const before = 'image: "postgres:16.2", volumes: ["db-data:/var/lib/postgresql"], strategy: recreate';
    expect(refusal('preset: postgres, version: "18"', before)).toBe(
      'db: the volume db-data has data of postgres 16.2, which postgres 18 cannot be given',
    );
    expect(
      refusal('preset: postgres, version: "16", volumes: ["db-data:/var/lib/postgresql/data"]', before),
    ).toBe(undefined);
  });

  test('is no matter for a minor version, another volume, or where nothing runs', () => {
    expect(refusal('preset: mariadb, version: "11.8"', 'preset: mariadb, version: "11.4"')).toBe(undefined);
    expect(
      refusal(
        'preset: postgres, version: "17", volumes: ["db-17:/var/lib/postgresql/data"]',
        'preset: postgres, version: "16"',
      ),
    ).toBe(undefined);
    expect(refusal('preset: postgres, version: "17"', undefined)).toBe(undefined);
  });
});
