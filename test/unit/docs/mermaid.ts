/**
 * mistakesIn checks the part of Mermaid's grammar that is used here, strictly: a line that it does not know is a
 * mistake. What it accepts was compared with Mermaid 11's own parser.
 */
export function mistakesIn(diagram: string): string[] {
  const [kind = '', ...lines] = diagram.trimEnd().split('\n');
  const known = GRAMMARS[kind.split(' ')[0] ?? ''];
  if (known === undefined) return [`unknown kind of diagram: ${kind}`];
  return lines.filter((line) => !known.some((pattern) => pattern.test(line)));
}

const NAME = String.raw`[^\s:;#,][^:;#,]*`;
const ACTOR = '[a-z]+';
/** A node with its label, or a node that was labelled before. */
const NODE = String.raw`[a-z]+(?:\[[^\[\]]+\])?`;

const GRAMMARS: Record<string, RegExp[]> = {
  gantt: [
    new RegExp(`^ {4}title ${NAME}$`),
    /^ {4}dateFormat x$/,
    /^ {4}axisFormat %M:%S\.%L$/,
    new RegExp(`^ {4}section ${NAME}$`),
    new RegExp(`^ {4}${NAME} :(?:crit, )?\\d+, \\d+$`),
  ],
  sequenceDiagram: [
    new RegExp(`^ {4}participant ${ACTOR} as [^:;#]+$`),
    new RegExp(`^ {4,8}${ACTOR}--?>>${ACTOR}: [^;#]+$`),
    /^ {4}loop [^:;#]+$/,
    /^ {4}end$/,
  ],
  flowchart: [new RegExp(`^ {4}${NODE}$`), new RegExp(`^ {4}${NODE} --(?: [^-|]+ --)?> ${NODE}$`)],
};
