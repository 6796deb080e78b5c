import * as core from '@actions/core';
import type { ConcealingLog } from '../commands/surroundings.ts';
import type { Location } from '../model/errors.ts';
import { escapeMarkdown } from '../report/markdown.ts';

/** Shorter values would blank out half of a log. */
const SHORTEST_SECRET = 4;

/** annotationAt returns how the runner shows a message on a line of a file. */
export function annotationAt({ file, line, column }: Location): core.AnnotationProperties {
  return { title: 'Switchyard', file, startLine: line, startColumn: column };
}

/** RunnerLog writes to the runner's log. Secrets never reach it, also where no runner masks them. */
export class RunnerLog implements ConcealingLog {
  readonly #secrets = new Set<string>();

  /** hide keeps a value out of the log, each of its lines, and what JSON, Markdown, addresses and base64 make of it; the runner is told as well. */
  hide(value: string): void {
    const forms = [
      value,
      ...value.split('\n').map((line) => line.trim()),
      JSON.stringify(value).slice(1, -1),
    ];
    const bytes = Buffer.from(value);
    const encoded = [
      encodeURIComponent(value.toWellFormed()),
      bytes.toString('base64'),
      bytes.toString('base64url'),
    ];
    // The summary has them escaped.
    for (const form of [...forms, ...forms.map(escapeMarkdown), ...encoded]) {
      if (form.length < SHORTEST_SECRET || this.#secrets.has(form)) continue;
      this.#secrets.add(form);
      if (process.env.GITHUB_ACTIONS === 'true') core.setSecret(form);
    }
  }

  /** clean removes secrets, and takes the effect from lines that the runner would read as its own commands. */
  clean(text: string): string {
    const cleaned = this.withoutSecrets(text);
    // The runner finds `::` at the start of a line (after what .NET takes for blanks) and `##[` anywhere in it.
    return cleaned.replaceAll(/^([\s\u0085]*)::/gm, '$1\u200b::').replaceAll('##[', '#\u200b#[');
  }

  /** withoutSecrets has stars in place of every value that was hidden. */
  withoutSecrets(text: string): string {
    let cleaned = text;
    for (const secret of [...this.#secrets].sort((a, b) => b.length - a.length)) {
      cleaned = cleaned.replaceAll(secret, '***');
    }
    return cleaned;
  }

  debug(message: string): void {
    core.debug(this.clean(message));
  }

  info(message: string): void {
    core.info(this.clean(message));
  }

  warning(message: string, location?: Location): void {
    core.warning(this.clean(message), location && annotationAt(location));
  }

  async group<T>(title: string, work: () => Promise<T>): Promise<T> {
    return await core.group(this.clean(title), work);
  }
}
