import { posix } from 'node:path';
import { UserError } from '../../model/errors.ts';
import { copy, dockerfile, execForm, inFolder, run } from './dockerfile-text.ts';
import { ignoreText } from './ignore-defaults.ts';
import { titleOf } from './node-manager.ts';
import { buildStage, installerStage, lookAtNode } from './node-stages.ts';
import {
  BEFORE,
  BROTLI,
  COMPRESSED,
  COMPRESSION,
  CONFIG,
  PORT,
  SITE,
  SNIPPET,
  siteConfig,
} from './static-nginx.ts';
import type { SourceTree, Template, TemplateOptions } from './template.ts';

/** The official nginx that is made to run without root. */
const NGINX = 'nginxinc/nginx-unprivileged:1.30-alpine';

/** The user `nginx` of that image. A number, so that an engine can tell that it is not root. */
const USER = '101:101';

/** Where the first page of a plain site may be. */
export const PAGES = ['', 'public/', 'site/', 'static/', 'dist/'].map((folder) => `${folder}index.html`);

/** Lines for `server` of nginx, beside the site. */
const OWN_LINES = 'nginx.conf';

/** A site as it will be in the image. */
interface Site {
  /** What builds it. */
  stages: readonly (readonly string[])[];
  /** The COPY that brings it to {@link SITE}. */
  gathered: string;
  isSinglePage: boolean;
  ignored: readonly string[];
  title: string;
  found: readonly string[];
}

/**
 * site makes the Dockerfile of a site that needs no server of its own: it is built where there is something to build, and
 * handed out by an nginx that is not root. Files of the image before stay one image longer, for pages that are open.
 */
export const site: Template = (tree, options) => {
  const isBuilt = options.build !== undefined || hasBuild(tree, options.app ?? '.');
  const made = isBuilt ? builtSite(tree, options) : plainSite(tree, options);
  const own = inFolder(options.app ?? '.', OWN_LINES);
  const snippet = ownLines(tree, own);
  const isSinglePage = options.spa ?? made.isSinglePage;
  const nginx = options.base ?? NGINX;
  const compressed = COMPRESSED.map((ending) => `-name '*.${ending}'`).join(' -o ');
  const stages = [
    ['# The image before this one.', 'ARG BEFORE=scratch'],
    ...made.stages,
    ['FROM $BEFORE AS before', '# It is there then, whatever that image is.', `WORKDIR ${SITE}`],
    [
      `FROM ${nginx} AS site`,
      'USER 0',
      made.gathered,
      run(
        `rm -f ${SITE}/${OWN_LINES} && find ${SITE} -type f -size +2 \\( ${compressed} \\) -exec gzip -9 -n -k -f {} +`,
      ),
    ],
    [
      `FROM ${nginx}`,
      'USER 0',
      written(CONFIG, siteConfig({ isSinglePage, isBuilt, snippet })),
      ...(snippet === undefined ? [] : [copy([own], SNIPPET)]),
      // Tried out: which modules an nginx has, no name of an image tells.
      `${written(COMPRESSION, BROTLI)} && \\\n  { nginx -t -q -c ${CONFIG} 2>/dev/null || echo 'gzip_static on; gzip_vary on;' >${COMPRESSION}; } && \\\n  rm -rf /tmp/*`,
      copy([SITE], BEFORE, '--from=before'),
      copy([SITE], SITE, '--from=site'),
      `USER ${USER}`,
      run(['nginx', '-t', '-q', '-c', CONFIG]),
      `EXPOSE ${PORT}`,
      '# It ends when all has been sent.',
      'STOPSIGNAL SIGQUIT',
      'ENTRYPOINT []',
      `CMD ${execForm(['nginx', '-c', CONFIG])}`,
    ],
  ];
  return {
    dockerfile: dockerfile(
      made.title,
      stages.filter(({ length }) => length > 0),
    ),
    ignore: ignoreText(made.ignored),
    before: 'BEFORE',
    found: [
      ...made.found,
      ...(snippet === undefined ? [] : [`lines for nginx (${own})`]),
      `port ${PORT}`,
      isSinglePage ? 'one page for all paths' : 'a page for each path',
    ],
  };
};

function hasBuild(tree: SourceTree, app: string): boolean {
  const text = tree.read(inFolder(app, 'package.json'));
  return text !== undefined && /"build"\s*:/.test(text);
}

function builtSite(tree: SourceTree, options: TemplateOptions): Site {
  if (!tree.paths.includes('package.json')) return foreignSite(options);
  const look = lookAtNode(tree, options);
  const { framework, manager, project } = look;
  const output = options.output ?? framework?.site?.output;
  if (output === undefined) {
    throw new UserError(
      framework === undefined
        ? 'it is not known where the site is built to'
        : `${framework.title} is built as a server`,
      {
        hint: 'Write the folder as output of the template, output: dist, or for a server template: node.',
      },
    );
  }
  return {
    stages: [installerStage(look), buildStage(look)],
    gathered: copy([posix.join('/app', project.app.folder, output)], SITE, '--from=build'),
    isSinglePage: framework?.site?.isSinglePage ?? false,
    ignored: ['**/node_modules', '**/npm-debug.log*', inFolder(project.app.folder, output)],
    title: titleOf(framework?.title ?? 'A site', manager),
    found: [...look.found, `built to ${output}`],
  };
}

/** A site of a tool that is no package of Node. */
function foreignSite({ builder, build, output }: TemplateOptions): Site {
  if (builder === undefined || build === undefined || output === undefined) {
    throw new UserError('there is no package.json that says how the site is built', {
      hint: 'Write all of builder (the image with the tool), build (the command) and output (the folder) at the template.',
    });
  }
  return {
    stages: [[`FROM ${builder} AS build`, 'WORKDIR /app', 'COPY . .', run(build)]],
    gathered: copy([posix.join('/app', output)], SITE, '--from=build'),
    isSinglePage: false,
    ignored: [output],
    title: 'A site',
    found: [`built by ${builder} to ${output}`],
  };
}

function plainSite(tree: SourceTree, options: TemplateOptions): Site {
  const { app = '.', output } = options;
  const pages = PAGES.map((path) => inFolder(app, path));
  const page = output === undefined ? pages.find((path) => tree.paths.includes(path)) : undefined;
  const folder = output === undefined ? page && posix.dirname(page) : posix.join(app, output);
  if (folder === undefined) {
    throw new UserError('there is no index.html', {
      hint: 'Write the folder of the site as output of the template: output: site.',
    });
  }
  return {
    stages: [],
    gathered: copy([folder === '.' ? '.' : `${folder}/`], SITE),
    isSinglePage: false,
    ignored: ['*.md', 'LICENSE*'],
    title: 'A plain site',
    found: [`a plain site (${page ?? folder})`],
  };
}

/** What a folder brings for `server`; undefined where it brings nothing. It throws for a configuration that is more than that. */
function ownLines(tree: SourceTree, path: string): string | undefined {
  const text = tree.read(path);
  if (text === undefined || !/^\s*(?:http|events|server)\s*\{/m.test(text)) return text;
  throw new UserError(`${path} is more than lines for server`, {
    hint: 'Leave only what stands within server { }, without listen and root; or rename it, and it is left alone.',
  });
}

/** A RUN that writes a file of these lines. */
function written(path: string, lines: readonly string[]): string {
  return [`RUN printf '%s\\n'`, ...lines.map((line) => `  '${line}'`), `  >${path}`].join(' \\\n');
}
