import { UserError } from '../../model/errors.ts';
import type { Preset } from './preset.ts';

/** `16`, `16.4`, `16-alpine`, `8.0.36-debian`. */
const NUMBERED = /^(?<numbers>\d+(?:\.\d+){0,3})(?:-[\w.-]+)?$/;
/** What MinIO calls a version. */
const DATED = /^RELEASE\.(?<date>\d{4}-\d{2}-\d{2})T[\w.-]+$/;

/** checkVersion returns a version as it is. It throws a UserError for what is none of a preset, or too old for it. */
export function checkVersion(preset: Preset, version: string): string {
  const numbers = numbersOf(version);
  const oldest = numbersOf(preset.oldest)!;
  if (numbers === undefined || isDated(version) !== isDated(preset.oldest)) {
    throw new UserError(`${JSON.stringify(version)} is no version of ${preset.title}`, {
      hint: `Write a tag of the image ${preset.image} that says one: version: "${preset.version}".`,
    });
  }
  if (isOlder(numbers, oldest)) {
    throw new UserError(`${preset.title} ${version} is older than what the preset knows`, {
      hint: `Write version: "${preset.oldest}" or a newer one; an older image can be a service without a preset.`,
    });
  }
  return version;
}

/** majorOf returns the first number of a version; of one that is a date, its year. Pure. */
export function majorOf(version: string): number {
  return numbersOf(version)?.[0] ?? 0;
}

/** versionOfImage returns the version that the tag of an image says, undefined for one that says none. Pure. */
export function versionOfImage(image: string): string | undefined {
  const tag = /:([\w][\w.-]*)(?:@.*)?$/.exec(image)?.[1];
  return tag !== undefined && numbersOf(tag) !== undefined ? tag : undefined;
}

function numbersOf(version: string): number[] | undefined {
  const { numbers } = NUMBERED.exec(version)?.groups ?? {};
  const { date } = DATED.exec(version)?.groups ?? {};
  return (numbers?.split('.') ?? date?.split('-'))?.map(Number);
}

function isDated(version: string): boolean {
  return DATED.test(version);
}

/** What the shorter one leaves open is as new as can be: `14` is not older than `14.2`. */
function isOlder(version: readonly number[], than: readonly number[]): boolean {
  for (const [index, number] of than.entries()) {
    const own = version[index];
    if (own === undefined || own > number) return false;
    if (own < number) return true;
  }
  return false;
}
