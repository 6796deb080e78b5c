/** What belongs into no image, whatever it is of: history, notes of editors, and what is secret. */
const IGNORED = [
  '.git',
  '.github',
  '.gitignore',
  '.dockerignore',
  '**/Dockerfile*',
  'switchyard.y*ml',
  '**/.DS_Store',
  '.idea',
  '.vscode',
  '# Settings of one machine, and keys',
  '**/.env',
  '**/.env.local',
  '**/.env.*.local',
  '**/*.pem',
  '**/*.key',
] as const;

/** ignoreText returns a `.dockerignore` of {@link IGNORED} and these lines. */
export function ignoreText(lines: readonly string[]): string {
  return `${[...lines, ...IGNORED].join('\n')}\n`;
}
