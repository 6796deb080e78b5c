import type { TemplateName, TemplateSpec } from '../../model/build.ts';
import { detectTemplate } from './detect.ts';
import { node } from './node.ts';
import { python } from './python.ts';
import { site } from './static.ts';
import type { GeneratedDockerfile, SourceTree, Template } from './template.ts';

/** What makes the Dockerfile of each template. A new one also has its row in detect.ts. */
const TEMPLATES: Record<TemplateName, Template> = { node, python, static: site };

/** generateDockerfile makes the Dockerfile of a folder. It throws a UserError that says what is missing. Pure. */
export function generateDockerfile(
  tree: SourceTree,
  { name, ...options }: TemplateSpec,
): GeneratedDockerfile {
  if (name !== 'auto') return TEMPLATES[name](tree, options);
  const { name: found, by } = detectTemplate(tree, options);
  const generated = TEMPLATES[found](tree, options);
  return { ...generated, found: [`template ${found} (${by})`, ...generated.found] };
}
