"use strict";
exports.id = 126;
exports.ids = [126];
exports.modules = {
  2126:
  ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {
__webpack_require__.d(__webpack_exports__, {
  buildImages: () => (  buildImages),
  dockerConfigFolder: () => (  dockerConfigFolder),
  ejectDockerfiles: () => (  ejectDockerfiles)
});
var promises_ = __webpack_require__(1455);
var external_node_os_ = __webpack_require__(8161);
var external_node_path_ = __webpack_require__(6760);
var errors = __webpack_require__(9187);
;
function dockerConfigFolder(env) {
	return env.DOCKER_CONFIG ?? (0,external_node_path_.join)(env.HOME ?? (0,external_node_os_.homedir)(), '.docker');
}
async function withDockerConfig({ env, parent, login }, work) {
	await (0,promises_.mkdir)(parent, { recursive: true });
	const folder = await (0,promises_.mkdtemp)((0,external_node_path_.join)(parent, 'switchyard-build-'));
	try {
		const own = (0,external_node_path_.join)(folder, 'docker');
		await (0,promises_.mkdir)(own, { mode: 0o700 });
		const given = dockerConfigFolder(env);
		await linkAllBut(given, own, 'config.json');
		const config = withLogin(await readConfig((0,external_node_path_.join)(given, 'config.json')), login);
		await (0,promises_.writeFile)((0,external_node_path_.join)(own, 'config.json'), JSON.stringify(config), { mode: 0o600 });
		const set = Object.entries(env).filter((entry) => entry[1] !== undefined);
		const builders = env.BUILDX_CONFIG ?? (0,external_node_path_.join)(given, 'buildx');
		return await work({
			folder,
			env: { ...Object.fromEntries(set), DOCKER_CONFIG: own, BUILDX_CONFIG: builders },
		});
	}
	finally {
		await (0,promises_.rm)(folder, { recursive: true, force: true });
	}
}
async function linkAllBut(from, to, left) {
	const names = await (0,promises_.readdir)(from).catch(() => []);
	await Promise.all(names.filter((name) => name !== left).map((name) => (0,promises_.symlink)((0,external_node_path_.join)(from, name), (0,external_node_path_.join)(to, name))));
}
async function readConfig(path) {
	const text = await (0,promises_.readFile)(path, 'utf8').catch(() => '{}');
	try {
		return JSON.parse(text);
	}
	catch (cause) {
		throw new errors .yo(`the Docker configuration ${path} is not valid JSON`, { cause });
	}
}
function withLogin(config, login) {
	if (login === undefined)
		return config;
	const { registry, username, password } = login;
	const auth = Buffer.from(`${username}:${password}`).toString('base64');
	return {
		...config,
		auths: { ...config.auths, [registry]: { auth } },
		credHelpers: { ...config.credHelpers, [registry]: '' },
	};
}
var external_node_fs_ = __webpack_require__(3024);
var fleet = __webpack_require__(7363);
var external_node_crypto_ = __webpack_require__(7598);
;
const VERSION = 1;
const PARTS = {
	dockerfile: 'the Dockerfile has changed',
	files: 'files of the context have changed',
	images: 'an image that it builds on has changed',
	args: 'its arguments have changed',
	settings: 'how it is built has changed',
};
function contentParts(content) {
	const { spec, dockerfile, context, contexts, images, platform } = content;
	return {
		dockerfile: hashOf(dockerfile),
		files: hashOf({ context, contexts }),
		images: hashOf(images),
		args: hashOf(spec.args),
		settings: hashOf({
			version: VERSION,
			platforms: spec.platforms.length === 0 ? [platform] : [...spec.platforms].sort(),
			labels: spec.labels,
			target: spec.target,
			secrets: Object.keys(spec.secrets).sort(),
			ssh: spec.ssh.map((agent) => agent.split('=')[0]).sort(),
			contexts: spec.contexts,
			extraHosts: spec.extraHosts,
			network: spec.network,
			entitlements: spec.entitlements,
			provenance: spec.provenance,
			sbom: spec.sbom,
		}),
	};
}
function contentHash(parts) {
	return hashOf(parts);
}
const SHORT = 12;
function contentLabel(parts) {
	return Object.entries(parts)
		.map(([name, hash]) => `${name}=${hash.slice(0, SHORT)}`)
		.join(' ');
}
function whyBuilt(parts, label) {
	if (label === undefined)
		return 'there is no earlier image of it';
	const before = label.split(' ');
	const changed = contentLabel(parts)
		.split(' ')
		.filter((part) => !before.includes(part))
		.map((part) => PARTS[part.split('=')[0]]);
	return changed.length === 0 ? 'its image has left the registry' : changed.join(', ');
}
const LAST_TAG = 'content-last';
const CONTENT_LABEL = 'switchyard.content';
function hashOf(value) {
	return (0,external_node_crypto_.createHash)('sha256')
		.update(JSON.stringify(sorted(value)))
		.digest('hex');
}
function sorted(value) {
	if (Array.isArray(value))
		return value.map(sorted);
	if (typeof value !== 'object' || value === null)
		return value;
	return Object.fromEntries(Object.entries(value)
		.sort(([a], [b]) => (a < b ? -1 : 1))
		.map(([key, member]) => [key, sorted(member)]));
}
function contentTag(hash) {
	return `content-${hash}`;
}
var external_node_stream_promises_ = __webpack_require__(6466);
;
const AT_ONCE = 16;
async function readContext(folder, rules) {
	const { files, others: found } = await listContext(folder, rules);
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		for (let path = files.pop(); path !== undefined; path = files.pop()) {
			const place = (0,external_node_path_.join)(folder, path);
			const [sha256, { mode }] = await Promise.all([context_hashOf(place), (0,promises_.stat)(place)]);
			found.push({ path, kind: 'file', sha256, isExecutable: (mode & 0o111) !== 0 });
		}
	}));
	return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
async function listContext(folder, rules) {
	const others = [];
	const files = [];
	const walk = async (below) => {
		for (const entry of await (0,promises_.readdir)((0,external_node_path_.join)(folder, below), { withFileTypes: true })) {
			const path = below === '' ? entry.name : `${below}/${entry.name}`;
			const isIgnored = rules.isIgnored(path);
			if (entry.isDirectory()) {
				if (!isIgnored)
					others.push({ path, kind: 'folder' });
				if (!isIgnored || rules.hasExceptions)
					await walk(path);
			}
			else if (isIgnored)
				continue;
			else if (entry.isSymbolicLink())
				others.push({ path, kind: 'link', to: await (0,promises_.readlink)((0,external_node_path_.join)(folder, path)) });
			else if (entry.isFile())
				files.push(path);
		}
	};
	await walk('');
	return { files, others };
}
async function context_hashOf(place) {
	const hash = (0,external_node_crypto_.createHash)('sha256');
	await (0,external_node_stream_promises_.pipeline)((0,external_node_fs_.createReadStream)(place), hash);
	return hash.digest('hex');
}
var main = __webpack_require__(7572);
;
function readDockerfile(text, args) {
	const parsed = main.DockerfileParser.parse(text);
	const instructions = parsed.getInstructions();
	const froms = parsed.getFROMs();
	const stages = new Set();
	const images = new Set();
	const global = globalArguments(parsed.getInitialARGs(), args);
	const add = (said) => {
		const image = said && replaced(said, global);
		if (!image || image === 'scratch' || stages.has(image.toLowerCase()) || /^\d+$/.test(image))
			return;
		images.add(image);
	};
	const syntax = parsed.getDirectives().find((one) => one.getDirective() === 'syntax');
	if (syntax !== undefined)
		images.add(syntax.getValue());
	for (const instruction of instructions) {
		if (froms.includes(instruction)) {
			const from = instruction;
			add(from.getImage());
			const stage = from.getBuildStage();
			if (stage !== null)
				stages.add(stage.toLowerCase());
		}
		else
			for (const name of copiedFrom(instruction))
				add(name);
	}
	return { images: [...images], lineOf: (told) => lineOf(instructions, told) };
}
function globalArguments(instructions, args) {
	const known = new Map();
	for (const instruction of instructions) {
		for (const argument of instruction.getArguments()) {
			const [, name = '', value] = /^([^=]+)(?:=(.*))?$/s.exec(argument.getValue()) ?? [];
			const given = Object.hasOwn(args, name) ? args[name] : undefined;
			const found = given ?? (value === undefined ? undefined : replaced(unquoted(value), known));
			if (found !== undefined)
				known.set(name, found);
		}
	}
	return known;
}
function unquoted(text) {
	return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
function replaced(text, values) {
	return text.replace(/\$(?:\{(\w+)(?::([-+])([^}]*))?\}|(\w+))/g, (_all, braced, sign, word = '', bare) => {
		const value = values.get(braced ?? bare ?? '') ?? '';
		if (sign === '-')
			return value || word;
		if (sign === '+')
			return value && word;
		return value;
	});
}
function copiedFrom(instruction) {
	const text = instruction.getTextContent();
	const flags = /^\S+((?:\s+(?:\\\r?\n\s*)*--\S+)*)/.exec(text)?.[1] ?? '';
	return flags.split(/\s+/).flatMap((flag) => {
		const [, from] = /^--from=(.+)$/.exec(flag) ?? /^--mount=(?:.*,)?from=([^,]+)/.exec(flag) ?? [];
		return from === undefined ? [] : [from];
	});
}
function lineOf(instructions, told) {
	const wanted = words(told);
	const scored = instructions.map((instruction) => {
		const own = words(instruction.getTextContent().replaceAll(/\\\r?\n/g, ' '));
		const same = own.findIndex((word, index) => word !== wanted[index]);
		return { instruction, same: same === -1 ? own.length : same };
	});
	const best = scored.reduce((first, one) => (one.same > first.same ? one : first), {
		instruction: undefined,
		same: 0,
	});
	return best.instruction && best.instruction.getRange().start.line + 1;
}
const words = (text) => text.trim().split(/\s+/);
;
function parseIgnore(text) {
	const rules = text
		.replace(/^\uFEFF/, '')
		.split('\n')
		.flatMap(ruleOf);
	return {
		isIgnored: (path) => {
			const places = placesOf(path);
			let isIgnored = false;
			for (const { matches, isException } of rules) {
				if (isException === isIgnored && places.some(matches))
					isIgnored = !isException;
			}
			return isIgnored;
		},
		hasExceptions: rules.some(({ isException }) => isException),
	};
}
function placesOf(path) {
	const parts = path.split('/');
	return parts.map((_part, index) => parts.slice(0, index + 1).join('/'));
}
function ruleOf(line) {
	if (line.startsWith('#'))
		return [];
	const trimmed = line.trim();
	const isException = trimmed.startsWith('!');
	const said = isException ? trimmed.slice(1).trim() : trimmed;
	if (said === '') {
		if (isException)
			throw new errors .yo('a .dockerignore has an exception of nothing: "!"');
		return [];
	}
	const cleaned = external_node_path_.posix.normalize(said).replace(/(?<=.)\/$/, '');
	const pattern = cleaned.length > 1 && cleaned.startsWith('/') ? cleaned.slice(1) : cleaned;
	return [{ matches: matcherOf(pattern), isException }];
}
function matcherOf(pattern) {
	const { expression, kind } = translated(pattern);
	switch (kind) {
		case 'exact':
			return (path) => path === pattern;
		case 'prefix':
			return (path) => path.startsWith(pattern.slice(0, -2));
		case 'suffix': {
			const suffix = pattern.slice(2);
			return (path) => path.endsWith(suffix) || (suffix.startsWith('/') && path === suffix.slice(1));
		}
		case 'expression':
			try {
				const compiled = new RegExp(`^${expression}$`, 's');
				return (path) => compiled.test(path);
			}
			catch (cause) {
				throw new errors .yo(`a .dockerignore has a pattern that is none: ${JSON.stringify(pattern)}`, {
					hint: 'Brackets have to be closed; \\[ is the character itself.',
					cause,
				});
			}
	}
}
const PLAIN = /[.+()|{}$^]/;
function translated(pattern) {
	let kind = 'exact';
	let expression = '';
	let isInBrackets = false;
	const characters = [...pattern];
	for (let at = 0; at < characters.length; at += 1) {
		const character = characters[at];
		const isFirst = at === 0;
		if (character === '*' && characters[at + 1] === '*') {
			at += characters[at + 2] === '/' ? 2 : 1;
			const isLast = at === characters.length - 1;
			if (isLast && kind === 'exact')
				kind = 'prefix';
			else {
				expression += isLast ? '.*' : '(?:.*/)?';
				kind = 'expression';
			}
			if (isFirst)
				kind = 'suffix';
		}
		else if (character === '*' || character === '?') {
			expression += character === '*' ? '[^/]*' : '[^/]';
			kind = 'expression';
		}
		else if (character === '\\') {
			at += 1;
			expression += characters[at] === undefined ? '\\\\' : escaped(characters[at]);
			kind = 'expression';
		}
		else if (character === '[' || character === ']') {
			isInBrackets = character === '[';
			expression += character;
			kind = 'expression';
		}
		else
			expression += isInBrackets ? character : escaped(character);
	}
	return { expression, kind };
}
function escaped(character) {
	return PLAIN.test(character) || '*?[]\\'.includes(character) ? `\\${character}` : character;
}
;
const IGNORE_FILE = '.dockerignore';
const NOTHING = { isIgnored: () => false, hasExceptions: false };
async function readIgnoreRules(service, context, dockerfile) {
	const own = dockerfile && `${dockerfile}.dockerignore`;
	const path = own !== undefined && (0,external_node_fs_.existsSync)(own) ? own : (0,external_node_path_.join)(context, IGNORE_FILE);
	if (!(0,external_node_fs_.existsSync)(path))
		return NOTHING;
	try {
		return parseIgnore(await (0,promises_.readFile)(path, 'utf8'));
	}
	catch (error) {
		if (!(error instanceof errors .yo))
			throw error;
		const { hint } = error;
		throw new errors .yo(`${service}: ${(0,external_node_path_.basename)(path)}: ${error.message}`, {
			...(hint && { hint }),
			cause: error,
		});
	}
}
;
const UNSEEN = /(?:^|\/)(?:\.git|node_modules|\.venv|__pycache__)(?:\/|$)/;
async function readTree(folder, rules) {
	const { files } = await listContext(folder, {
		isIgnored: (path) => UNSEEN.test(path) || rules.isIgnored(path),
		hasExceptions: rules.hasExceptions,
	});
	const paths = files.sort();
	const known = new Set(paths);
	return {
		paths,
		read: (path) => (known.has(path) ? (0,external_node_fs_.readFileSync)((0,external_node_path_.join)(folder, path), 'utf8') : undefined),
	};
}
;
function execForm(words) {
	return `[${words.map((word) => JSON.stringify(word)).join(', ')}]`;
}
function run(command, ...flags) {
	if (typeof command === 'string' && /[\r\n]/.test(command)) {
		throw new errors .yo('the command of a build has several lines', {
			hint: 'Join them by &&, or put them into a script of the repository.',
		});
	}
	return ['RUN', ...flags, typeof command === 'string' ? command.trim() : execForm(command)].join(' ');
}
const UNSAFE = /[$"'\\\n\r*?[\]]|^--/;
function copy(sources, to, ...flags) {
	const words = [...sources, to];
	const unsafe = words.find((word) => UNSAFE.test(word));
	if (unsafe !== undefined) {
		throw new errors .yo(`${JSON.stringify(unsafe)} cannot stand in a Dockerfile that is made`, {
			hint: 'Rename it, or write a Dockerfile of your own.',
		});
	}
	const told = words.some((word) => /\s/.test(word)) ? execForm(words) : words.join(' ');
	return ['COPY', ...flags, told].join(' ');
}
function env(variables) {
	const pairs = Object.entries(variables).map(([name, value]) => /^[\w./:@+-]+$/.test(value) ? `${name}=${value}` : `${name}="${value.replace(/[\\"$]/g, '\\$&')}"`);
	return pairs.length === 0 ? [] : [`ENV ${pairs.join(' ')}`];
}
function dockerfile(title, stages) {
	const heading = `# ${title}. Made by Switchyard.\n`;
	return `${[heading, ...stages.map((lines) => `${lines.join('\n')}\n`)].join('\n')}`;
}
function inFolder(folder, path) {
	return folder === '.' ? path : `${folder}/${path}`;
}
var dist = __webpack_require__(2897);
var schemas = __webpack_require__(4542);
;
const texts = schemas .g1P(schemas .YjP(), schemas .YjP()).catch({});
const schema = schemas ._H3({
	name: schemas .YjP().optional().catch(undefined),
	main: schemas .YjP().optional().catch(undefined),
	packageManager: schemas .YjP().optional().catch(undefined),
	scripts: texts.optional(),
	dependencies: texts.optional(),
	devDependencies: texts.optional(),
	optionalDependencies: texts.optional(),
	engines: texts.optional(),
	volta: texts.optional(),
	workspaces: schemas .KCZ([
		schemas .YOg(schemas .YjP()),
		schemas ._H3({ packages: schemas .YOg(schemas .YjP()) }).transform((one) => one.packages),
	])
		.optional()
		.catch(undefined),
});
function readPackage(tree, folder) {
	const path = inFolder(folder, 'package.json');
	const text = tree.read(path);
	if (text === undefined)
		return undefined;
	try {
		return { folder, json: schema.parse(JSON.parse(text)) };
	}
	catch (cause) {
		throw new errors .yo(`${path} cannot be read`, { hint: 'Is it JSON?', cause });
	}
}
function readProject(tree, folder) {
	const top = readPackage(tree, '.');
	if (top === undefined) {
		throw new errors .yo('there is no package.json', {
			hint: 'The context of a template is the folder that has it, or of a workspace the one with the lock file: name the app as app.',
		});
	}
	const members = membersOf(tree, top);
	const app = folder === undefined || folder === '.' ? top : members.find((one) => one.folder === folder);
	const named = members.map((one) => one.folder).join(', ');
	if (app === undefined) {
		throw new errors .yo(`${folder} is no package of this workspace`, {
			hint: members.length === 0 ? 'package.json names no workspaces.' : `They are ${named}.`,
		});
	}
	const startsItself = top.json.scripts?.start !== undefined || top.json.main !== undefined;
	if (app === top && members.length > 0 && folder === undefined && !startsItself) {
		throw new errors .yo('this is a workspace, and it is not said which of its packages is meant', {
			hint: `Write it as app of the template: one of ${named}.`,
		});
	}
	return {
		top,
		app,
		members,
		needed: app === top ? [...inOrderOfNeed(members, members), top] : inOrderOfNeed([app], members),
	};
}
function dependenciesOf({ json }, withDevelopment = true) {
	return {
		...(withDevelopment && json.devDependencies),
		...json.optionalDependencies,
		...json.dependencies,
	};
}
function membersOf(tree, top) {
	const patterns = top.json.workspaces ?? pnpmPatterns(tree);
	const rules = patterns.map((pattern) => ({
		isLeftOut: pattern.startsWith('!'),
		matches: matcherOf(external_node_path_.posix.normalize(pattern.replace(/^!/, '')).replace(/\/$/, '')),
	}));
	return tree.paths.flatMap((path) => {
		if (external_node_path_.posix.basename(path) !== 'package.json' || path === 'package.json')
			return [];
		const folder = external_node_path_.posix.dirname(path);
		const isMember = rules.some(({ isLeftOut, matches }) => !isLeftOut && matches(folder)) &&
			!rules.some(({ isLeftOut, matches }) => isLeftOut && matches(folder));
		return isMember ? [readPackage(tree, folder)] : [];
	});
}
const pnpmWorkspace = schemas ._H3({ packages: schemas .YOg(schemas .YjP()).catch([]) });
function pnpmPatterns(tree) {
	const text = tree.read('pnpm-workspace.yaml');
	if (text === undefined)
		return [];
	try {
		return pnpmWorkspace.parse((0,dist .qg)(text)).packages;
	}
	catch (cause) {
		throw new errors .yo('pnpm-workspace.yaml cannot be read', { hint: 'Is it YAML?', cause });
	}
}
function inOrderOfNeed(packages, members) {
	const ordered = [];
	const seen = new Set();
	const visit = (one) => {
		if (seen.has(one))
			return;
		seen.add(one);
		const names = Object.keys(dependenciesOf(one));
		for (const member of members)
			if (names.includes(member.json.name ?? ''))
				visit(member);
		ordered.push(one);
	};
	packages.forEach(visit);
	return ordered;
}
;
function frameworkOf(tree, app) {
	const dependencies = dependenciesOf(app);
	const has = (name) => Object.hasOwn(dependencies, name);
	const config = (name) => {
		const path = ['js', 'mjs', 'cjs', 'ts', 'mts']
			.map((ending) => inFolder(app.folder, `${name}.${ending}`))
			.find((one) => tree.paths.includes(one));
		return withoutComments((path && tree.read(path)) || '');
	};
	for (const [name, make] of FRAMEWORKS) {
		if (!has(name))
			continue;
		const found = make({ tree, app, has, config });
		if (found !== undefined)
			return { by: `${name} in ${inFolder(app.folder, 'package.json')}`, ...found };
	}
	return undefined;
}
const FRAMEWORKS = [
	['next', nextJs],
	['nuxt', nuxt],
	['@react-router/dev', reactRouter],
	['@remix-run/dev', remix],
	['astro', astro],
	['@sveltejs/kit', svelteKit],
	['gatsby', () => pages('Gatsby', 'public')],
	['@docusaurus/core', () => pages('Docusaurus', 'build')],
	['@11ty/eleventy', () => pages('Eleventy', '_site')],
	['vitepress', () => undefined],
	['@angular/core', angular],
	['react-scripts', () => singlePage('Create React App', 'build')],
	['@vue/cli-service', () => singlePage('Vue CLI', 'dist')],
	['vite', vite],
	['parcel', () => singlePage('Parcel', 'dist')],
];
const singlePage = (title, output) => ({ title, site: { output, isSinglePage: true } });
const pages = (title, output) => ({ title, site: { output, isSinglePage: false } });
const LISTEN = { HOST: '0.0.0.0', PORT: '3000' };
function nextJs({ tree, app, config }) {
	const title = 'Next.js';
	const settings = config('next.config');
	const output = /\boutput\s*:\s*['"`](\w+)/.exec(settings)?.[1];
	if (output === 'export')
		return pages(`${title}, exported`, textAt('distDir', settings) ?? 'out');
	const folder = textAt('distDir', settings) ?? '.next';
	const common = {
		env: { HOSTNAME: '0.0.0.0', PORT: '3000', NEXT_TELEMETRY_DISABLED: '1' },
		buildEnv: { NEXT_TELEMETRY_DISABLED: '1' },
		buildCache: `${folder}/cache`,
	};
	if (output !== 'standalone')
		return { title, ...common, writable: [folder] };
	const hasPublic = tree.paths.some((path) => path.startsWith(inFolder(app.folder, 'public/')));
	const place = (path) => inFolder(app.folder, path);
	return {
		title: `${title}, standalone`,
		...common,
		start: ['node', 'server.js'],
		writable: [`${folder}/standalone/${place(folder)}`],
		copies: [
			[`${folder}/standalone`, '.'],
			[`${folder}/static`, place(`${folder}/static`)],
			...(hasPublic ? [['public', place('public')]] : []),
		],
	};
}
function nuxt({ app, config }) {
	const isStatic = /nuxt generate/.test(app.json.scripts?.build ?? '');
	if (isStatic)
		return pages('Nuxt, generated', '.output/public');
	if (/\bssr\s*:\s*false/.test(config('nuxt.config')) &&
		/preset\s*:\s*['"]static/.test(config('nuxt.config'))) {
		return singlePage('Nuxt without a server', '.output/public');
	}
	return {
		title: 'Nuxt',
		start: ['node', '.output/server/index.mjs'],
		env: LISTEN,
		copies: [['.output', inFolder(app.folder, '.output')]],
	};
}
function reactRouter({ config }) {
	if (/\bssr\s*:\s*false/.test(config('react-router.config')))
		return singlePage('React Router', 'build/client');
	return { title: 'React Router', env: LISTEN };
}
function remix({ config }) {
	if (/\bssr\s*:\s*false/.test(config('vite.config')))
		return singlePage('Remix', 'build/client');
	return { title: 'Remix', env: LISTEN };
}
function astro({ has, config }) {
	const settings = config('astro.config');
	const output = textAt('outDir', settings) ?? 'dist';
	if (has('@astrojs/node')) {
		return { title: 'Astro with a server', start: ['node', `${output}/server/entry.mjs`], env: LISTEN };
	}
	return pages('Astro', output);
}
function svelteKit({ has }) {
	if (has('@sveltejs/adapter-node')) {
		return { title: 'SvelteKit', start: ['node', 'build/index.js'], env: LISTEN };
	}
	if (has('@sveltejs/adapter-static'))
		return singlePage('SvelteKit', 'build');
	throw new errors .yo('SvelteKit has no adapter for a container', {
		hint: 'Use @sveltejs/adapter-node, or @sveltejs/adapter-static for a site that needs no server.',
	});
}
function angular({ tree, app, has }) {
	if (has('@angular/ssr'))
		return { title: 'Angular with a server' };
	const text = tree.read(inFolder(app.folder, 'angular.json'));
	const output = text && angularOutput(text);
	if (!output) {
		throw new errors .yo('angular.json does not say where the site is built to', {
			hint: 'Write output at the template: output: dist/shop/browser.',
		});
	}
	return singlePage('Angular', output);
}
function angularOutput(text) {
	const { projects = {}, defaultProject } = JSON.parse(text);
	const apps = Object.entries(projects).filter(([, { projectType }]) => projectType !== 'library');
	const [name, project] = apps.find(([one]) => one === defaultProject) ?? apps[0] ?? [];
	const { builder = '', options = {} } = project?.architect?.build ?? {};
	if (name === undefined || (apps.length > 1 && defaultProject === undefined))
		return undefined;
	const said = options.outputPath ?? `dist/${name}`;
	const base = typeof said === 'string' ? said : (said.base ?? `dist/${name}`);
	const below = typeof said === 'string' ? 'browser' : (said.browser ?? 'browser');
	return builder.endsWith(':application') && below !== '' ? `${base}/${below}` : base;
}
function vite({ tree, app, config }) {
	const hasPage = tree.paths.includes(inFolder(app.folder, 'index.html'));
	if (!hasPage)
		return undefined;
	return singlePage('Vite', textAt('outDir', config('vite.config')) ?? 'dist');
}
function textAt(key, settings) {
	return new RegExp(`\\b${key}\\s*:\\s*['"\`]([\\w./-]+)['"\`]`)
		.exec(settings)?.[1]
		?.replace(/^\.\//, '')
		.replace(/\/$/, '');
}
function withoutComments(code) {
	return code.replace(/\/\*[\s\S]*?\*\/|(?<![:'"])\/\/.*$/gm, '');
}
;
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
];
function ignoreText(lines) {
	return `${[...lines, ...IGNORED].join('\n')}\n`;
}
var constants = __webpack_require__(517);
var shlex = __webpack_require__(6635);
;
const USUAL = { yarn: '1.22.22', 'yarn@berry': '4', pnpm: '10', bun: '1' };
function packageManagerOf(tree, { top, needed, members }) {
	const locks = Object.keys(constants .H8).filter((path) => tree.paths.includes(path) && path !== 'pnpm-workspace.yaml');
	const said = /^([a-z]+)@(\d[\w.-]*)/.exec(top.json.packageManager ?? '');
	const names = new Map(locks.map((path) => [path, nameOf(path, tree)]));
	const fitting = locks.filter((path) => said === null || familyOf(names.get(path)) === said[1]);
	const kinds = new Set(fitting.map((path) => names.get(path)));
	if (kinds.size > 1) {
		throw new errors .yo(`there are lock files of several package managers: ${fitting.join(', ')}`, {
			hint: 'Remove those that are not used, or name the one that is as packageManager in package.json.',
		});
	}
	const lock = fitting[0];
	if (lock !== undefined) {
		const name = names.get(lock);
		if (!isKnown(name)) {
			throw new errors .yo(`${lock} is of ${name}, for which there is no template`, {
				hint: 'Write a Dockerfile of your own.',
			});
		}
		return managerOf(name, lock, said?.[2] ?? versionFor(name, tree.read(lock) ?? ''), tree);
	}
	const all = [top, ...(needed.length > 1 ? members : [])];
	if (all.every((one) => Object.keys(dependenciesOf(one)).length === 0)) {
		return managerOf('npm', undefined, undefined, tree);
	}
	throw new errors .yo('there is no lock file, so nobody knows which versions would be installed', {
		hint: `Run "${said?.[1] ?? 'npm'} install" and commit the lock file that it writes.`,
	});
}
const isKnown = (name) => ['npm', 'yarn', 'yarn@berry', 'pnpm', 'bun'].includes(name);
const familyOf = (name) => name.split('@')[0] ?? name;
function nameOf(lock, tree) {
	const name = constants .H8[lock] ?? '';
	return name === 'yarn' && !/^# yarn lockfile v1/m.test(tree.read(lock) ?? '') ? 'yarn@berry' : name;
}
function versionFor(name, lock) {
	if (name === 'pnpm') {
		const format = Number(/^lockfileVersion: '?(\d+)/m.exec(lock)?.[1] ?? 9);
		return format >= 9 ? USUAL.pnpm : format >= 6 ? '8' : '7';
	}
	if (name === 'yarn@berry') {
		const format = Number(/^__metadata:\n {2}version: (\d+)/m.exec(lock)?.[1] ?? 8);
		return format >= 8 ? USUAL['yarn@berry'] : '3';
	}
	return name === 'npm' ? undefined : USUAL[name];
}
function managerOf(name, lock, version, tree) {
	const title = [name === 'yarn@berry' ? 'yarn' : name, version].filter(Boolean).join(' ');
	const exact = version ?? '';
	switch (name) {
		case 'npm':
			return {
				title,
				lock,
				itself: version === undefined ? undefined : `npm@${exact}`,
				cache: '/root/.npm',
				isCacheLocked: false,
				env: {},
				settings: ['.npmrc'],
				install: ({ isProduction, app, isWorkspace }) => joined('npm ci', isProduction ? '--omit=dev' : '--include=dev', isWorkspace && app.folder !== '.' && `--workspace=${(0,shlex .hD)(app.folder)} --include-workspace-root`),
				runScript: (script, folder) => [
					...['npm', 'run', script],
					...(folder === '.' ? [] : [`--workspace=${folder}`]),
				],
				placeOf: (dependency, app) => (tree.read(lock ?? '') ?? '').includes(`"${inFolder(app.folder, `node_modules/${dependency}`)}"`)
					? app.folder
					: '.',
			};
		case 'yarn':
			return {
				title,
				lock,
				itself: `--force yarn@${exact}`,
				cache: '/root/.cache/yarn',
				isCacheLocked: true,
				env: { YARN_CACHE_FOLDER: '/root/.cache/yarn' },
				settings: ['.npmrc', '.yarnrc'],
				install: ({ isProduction }) => joined('yarn install --frozen-lockfile --non-interactive', `--production=${isProduction}`),
				runScript: (script, folder) => ['yarn', ...(folder === '.' ? [] : ['--cwd', folder]), 'run', script],
				placeOf: () => '.',
			};
		case 'yarn@berry':
			return {
				title,
				lock,
				itself: `--force @yarnpkg/cli-dist@${exact}`,
				cache: '/root/.yarn',
				isCacheLocked: true,
				env: { YARN_NODE_LINKER: 'node-modules', YARN_ENABLE_GLOBAL_CACHE: 'true' },
				settings: ['.npmrc', '.yarnrc.yml', '.yarn/'],
				install: ({ isProduction, app }) => isProduction
					? `yarn workspaces focus --production ${app.json.name ?? ''}`.trim()
					: 'yarn install --immutable',
				runScript: (script, folder) => ['yarn', ...(folder === '.' ? [] : ['--cwd', folder]), 'run', script],
				placeOf: () => '.',
			};
		case 'pnpm':
			return {
				title,
				lock,
				itself: `pnpm@${exact}`,
				cache: '/root/.pnpm',
				isCacheLocked: false,
				env: {},
				settings: ['.npmrc', 'pnpm-workspace.yaml', '.pnpmfile.cjs', 'patches/'],
				install: ({ isProduction, app, isWorkspace }) => joined('pnpm install --frozen-lockfile --store-dir=/root/.pnpm', `--prod=${isProduction}`, isWorkspace && app.folder !== '.' && `--filter=${(0,shlex .hD)(`./${app.folder}...`)}`),
				runScript: (script, folder) => [
					'pnpm',
					...(folder === '.' ? [] : [`--dir=${folder}`]),
					'run',
					script,
				],
				placeOf: (_dependency, app) => app.folder,
			};
		case 'bun':
			return {
				title,
				lock,
				itself: `bun@${exact}`,
				cache: '/root/.bun/install/cache',
				isCacheLocked: true,
				env: {},
				settings: ['.npmrc', 'bunfig.toml', 'patches/'],
				install: ({ isProduction }) => joined('bun install --frozen-lockfile', isProduction && '--production'),
				runScript: (script, folder) => ['bun', ...(folder === '.' ? [] : [`--cwd=${folder}`]), 'run', script],
				placeOf: () => '.',
			};
	}
}
function joined(...words) {
	return words.filter(Boolean).join(' ');
}
function titleOf(what, { lock, title }) {
	return lock === undefined ? what : `${what} with ${title}`;
}
var satisfies = __webpack_require__(6193);
var satisfies_default =  __webpack_require__.n(satisfies);
var min_version = __webpack_require__(580);
var min_version_default =  __webpack_require__.n(min_version);
var valid = __webpack_require__(6687);
var valid_default =  __webpack_require__.n(valid);
;
const LTS = { krypton: 24, jod: 22, iron: 20 };
const LATEST_LTS = Object.values(LTS)[0];
function nodeVersion(tree, packages, asked) {
	if (asked !== undefined)
		return { version: asked, by: 'version' };
	for (const { folder, json } of packages) {
		for (const file of ['.nvmrc', '.node-version', '.tool-versions']) {
			const path = inFolder(folder, file);
			const said = versionIn(file, tree.read(path));
			if (said !== undefined)
				return { version: named(said, path), by: path };
		}
		const path = inFolder(folder, 'package.json');
		const { node: range } = json.engines ?? {};
		const { node: pinned } = json.volta ?? {};
		if (pinned !== undefined)
			return { version: named(pinned, path), by: `volta in ${path}` };
		if (range !== undefined)
			return { version: newest(range, path), by: `engines in ${path}` };
	}
	return { version: String(LATEST_LTS), by: 'the one with long-term support, since the folder names none' };
}
function versionIn(file, text) {
	const lines = text?.split('\n').map((line) => line.replace(/#.*/, '').trim()) ?? [];
	if (file !== '.tool-versions')
		return lines.find((line) => line !== '');
	return lines.map((line) => /^node(?:js)?\s+(\S+)/.exec(line)?.[1]).find((version) => version !== undefined);
}
function named(said, path) {
	const version = said.replace(/^v/, '');
	if (/^\d+(?:\.\d+){0,2}$/.test(version))
		return version;
	if (/^(?:lts\/\*|lts|node|stable|current|latest)$/.test(said))
		return String(LATEST_LTS);
	const codename = /^lts[/-](\w+)$/.exec(said)?.[1] ?? '';
	if (Object.hasOwn(LTS, codename))
		return String(LTS[codename]);
	throw new errors .yo(`${path} says ${JSON.stringify(said)}, which is no version of Node`, {
		hint: 'Write a number, for example 24, there or as version of the template.',
	});
}
function newest(range, path) {
	const lowest = valid_default()(range) === null ? null : min_version_default()(range);
	if (lowest === null)
		return named(range, path);
	const { major, minor, version } = lowest;
	const lines = [...Object.values(LTS).map(String), String(major), `${major}.${minor}`];
	return lines.find((line) => satisfies_default()(last(line), range)) ?? version;
}
const last = (line) => [...line.split('.'), '9999', '9999'].slice(0, 3).join('.');
;
function lookAtNode(tree, options) {
	const project = readProject(tree, options.app);
	const { top, app } = project;
	const manager = packageManagerOf(tree, project);
	const framework = frameworkOf(tree, app);
	const { version, by } = nodeVersion(tree, [...new Set([app, top])], options.version);
	const image = `node:${version}-slim`;
	const compiler = compilerFor(tree, manager);
	const builds = buildsOf(project, manager, options);
	return {
		tree,
		project,
		manager,
		framework,
		image,
		builder: options.builder ?? (compiler === undefined ? image : `node:${version}`),
		builds,
		found: [
			`Node ${version} (${by})`,
			...(manager.lock === undefined ? [] : [`${manager.title} (${manager.lock})`]),
			...(framework === undefined ? [] : [`${framework.title} (${framework.by})`]),
			...(compiler === undefined ? [] : [`a compiler (${manager.lock} has ${compiler})`]),
		],
	};
}
const COMPILED = /["'/](node-gyp|node-addon-api|nan)["'@:]/;
function compilerFor(tree, { lock }) {
	return lock === undefined ? undefined : COMPILED.exec(tree.read(lock) ?? '')?.[1];
}
function buildsOf({ needed }, manager, { build }) {
	const own = needed.slice(0, build === undefined ? undefined : -1);
	const scripts = own.flatMap(({ folder, json }) => json.scripts?.build === undefined ? [] : [manager.runScript('build', folder)]);
	return build === undefined ? scripts : [...scripts, build];
}
const INSTALLER = 'installer';
function installerStage({ manager, builder }) {
	const { itself, env: variables } = manager;
	if (itself === undefined)
		return [];
	const fetching = `--mount=type=cache,target=/root/.npm`;
	return [
		`FROM ${builder} AS ${INSTALLER}`,
		run(`npm install --global ${itself}`, fetching, SECRET),
		...env(variables),
		'WORKDIR /app',
	];
}
const SECRET = '--mount=type=secret,id=npmrc,target=/root/.npmrc';
function installLines(look, isProduction) {
	const { manager, project } = look;
	if (manager.lock === undefined)
		return [];
	const { cache, isCacheLocked } = manager;
	const line = manager.install({
		isProduction,
		app: project.app,
		isWorkspace: project.members.length > 0,
	});
	const mount = `--mount=type=cache,target=${cache}${isCacheLocked ? ',sharing=locked' : ''}`;
	return [...copiedFirst(look), ...withoutOwnScripts(look), run(line, mount, SECRET)];
}
function startStage({ manager, builder }, name) {
	return manager.itself === undefined
		? [`FROM ${builder} AS ${name}`, 'WORKDIR /app']
		: [`FROM ${INSTALLER} AS ${name}`];
}
function buildStage(look) {
	const { project, manager, builds, framework } = look;
	const cached = framework?.buildCache;
	const place = cached && external_node_path_.posix.join('/app', project.app.folder, cached);
	return [
		...startStage(look, 'build'),
		...installLines(look, false),
		'COPY . .',
		...env(framework?.buildEnv ?? {}),
		...[...new Set([project.top, project.app])].flatMap(({ folder, json }) => json.scripts?.postinstall === undefined ? [] : [run(manager.runScript('postinstall', folder))]),
		...builds.map((command, index) => {
			const isLast = index === builds.length - 1;
			return run(command, ...(place && isLast ? [`--mount=type=cache,target=${place}`] : []));
		}),
	];
}
const OWN_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];
function withoutOwnScripts({ project: { top, members } }) {
	return [top, ...members].flatMap(({ folder, json }) => {
		const own = OWN_SCRIPTS.filter((name) => json.scripts?.[name] !== undefined);
		if (own.length === 0)
			return [];
		const prefix = folder === '.' ? [] : [`--prefix=${folder}`];
		return [run(['npm', ...prefix, 'pkg', 'delete', ...own.map((name) => `scripts.${name}`)])];
	});
}
function copiedFirst({ tree, project: { members }, manager: { lock, settings } }) {
	const files = settings.filter((path) => tree.paths.includes(path));
	const folders = settings.filter((path) => path.endsWith('/') && tree.paths.some((one) => one.startsWith(path)));
	return [
		copy(['package.json', lock ?? '', ...files].filter(Boolean), './'),
		...folders.map((folder) => copy([folder], `./${folder}`)),
		...members.map(({ folder }) => copy([inFolder(folder, 'package.json')], `./${folder}/`)),
	];
}
function foldersOf({ app, top, needed }) {
	return app === top ? undefined : needed.map((one) => one.folder);
}
;
const PORT = 8080;
const SITE = '/srv/site';
const BEFORE = '/srv/before';
const CONFIG = '/etc/nginx/site.conf';
const SNIPPET = '/etc/nginx/site-snippet.conf';
const COMPRESSION = '/etc/nginx/site-compression.conf';
const FOREVER = '"public, max-age=31536000, immutable"';
const ASSET = '\\.(?:js|mjs|css|map|json|wasm|woff2?|png|jpe?g|gif|svg|webp|avif|ico)$';
const COMPRESSED = ['html', 'css', 'js', 'mjs', 'json', 'map', 'svg', 'xml', 'txt', 'wasm'];
const BROTLI = [
	'brotli on;',
	'gzip on;',
	'gzip_vary on;',
	...['brotli', 'gzip'].map((name) => `${name}_types text/css text/plain text/javascript application/javascript application/json application/wasm image/svg+xml;`),
];
function siteConfig({ isSinglePage, isBuilt, snippet }) {
	const hasRoot = snippet !== undefined && /\blocation\s+\/\s*\{/.test(snippet);
	return [
		'include /etc/nginx/modules-enabled/*.conf;',
		'worker_processes auto;',
		'daemon off;',
		'pid /tmp/nginx.pid;',
		'error_log /dev/stderr warn;',
		'events { worker_connections 1024; }',
		'http {',
		...indented([
			'include /etc/nginx/mime.types;',
			'default_type application/octet-stream;',
			...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path /tmp/${name};`),
			'access_log off;',
			'server_tokens off;',
			'sendfile on;',
			'tcp_nopush on;',
			`include ${COMPRESSION};`,
			'map $uri $kept {',
			...indented([
				'default no-cache;',
				`"~^/(?:_next/static|_nuxt|_astro|_app/immutable)/" ${FOREVER};`,
				`"~[.-](?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{8,}\\.(?:chunk\\.)?[a-z0-9]+$" ${FOREVER};`,
				...(isBuilt ? [`"~-(?=[a-z-]*[0-9A-Z_])[\\w-]{8}\\.[a-z0-9]+$" ${FOREVER};`] : []),
			]),
			'}',
			'server {',
			...indented([
				`listen ${PORT};`,
				`root ${SITE};`,
				'absolute_redirect off;',
				'add_header Cache-Control $kept;',
				'add_header X-Content-Type-Options nosniff;',
				...(isSinglePage ? [] : ['error_page 404 /404.html;']),
				...(snippet === undefined ? [] : [`include ${SNIPPET};`]),
				...(hasRoot ? [] : [`location / { try_files ${triesOf(isSinglePage)}; }`]),
				'location ~ /\\.(?!well-known/) { return 404; }',
				`location ~ "${ASSET}" { try_files $uri @before; }`,
				`location @before { root ${BEFORE}; try_files $uri =404; }`,
			]),
			'}',
		]),
		'}',
	];
}
function triesOf(isSinglePage) {
	return isSinglePage ? '$uri $uri/index.html /index.html' : '$uri $uri/ $uri.html =404';
}
function indented(lines) {
	return lines.map((line) => `  ${line}`);
}
;
const NGINX = 'nginxinc/nginx-unprivileged:1.30-alpine';
const USER = '101:101';
const PAGES = ['', 'public/', 'site/', 'static/', 'dist/'].map((folder) => `${folder}index.html`);
const OWN_LINES = 'nginx.conf';
const site = (tree, options) => {
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
			run(`rm -f ${SITE}/${OWN_LINES} && find ${SITE} -type f -size +2 \\( ${compressed} \\) -exec gzip -9 -n -k -f {} +`),
		],
		[
			`FROM ${nginx}`,
			'USER 0',
			written(CONFIG, siteConfig({ isSinglePage, isBuilt, snippet })),
			...(snippet === undefined ? [] : [copy([own], SNIPPET)]),
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
		dockerfile: dockerfile(made.title, stages.filter(({ length }) => length > 0)),
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
function hasBuild(tree, app) {
	const text = tree.read(inFolder(app, 'package.json'));
	return text !== undefined && /"build"\s*:/.test(text);
}
function builtSite(tree, options) {
	if (!tree.paths.includes('package.json'))
		return foreignSite(options);
	const look = lookAtNode(tree, options);
	const { framework, manager, project } = look;
	const output = options.output ?? framework?.site?.output;
	if (output === undefined) {
		throw new errors .yo(framework === undefined
			? 'it is not known where the site is built to'
			: `${framework.title} is built as a server`, {
			hint: 'Write the folder as output of the template, output: dist, or for a server template: node.',
		});
	}
	return {
		stages: [installerStage(look), buildStage(look)],
		gathered: copy([external_node_path_.posix.join('/app', project.app.folder, output)], SITE, '--from=build'),
		isSinglePage: framework?.site?.isSinglePage ?? false,
		ignored: ['**/node_modules', '**/npm-debug.log*', inFolder(project.app.folder, output)],
		title: titleOf(framework?.title ?? 'A site', manager),
		found: [...look.found, `built to ${output}`],
	};
}
function foreignSite({ builder, build, output }) {
	if (builder === undefined || build === undefined || output === undefined) {
		throw new errors .yo('there is no package.json that says how the site is built', {
			hint: 'Write all of builder (the image with the tool), build (the command) and output (the folder) at the template.',
		});
	}
	return {
		stages: [[`FROM ${builder} AS build`, 'WORKDIR /app', 'COPY . .', run(build)]],
		gathered: copy([external_node_path_.posix.join('/app', output)], SITE, '--from=build'),
		isSinglePage: false,
		ignored: [output],
		title: 'A site',
		found: [`built by ${builder} to ${output}`],
	};
}
function plainSite(tree, options) {
	const { app = '.', output } = options;
	const pages = PAGES.map((path) => inFolder(app, path));
	const page = output === undefined ? pages.find((path) => tree.paths.includes(path)) : undefined;
	const folder = output === undefined ? page && external_node_path_.posix.dirname(page) : external_node_path_.posix.join(app, output);
	if (folder === undefined) {
		throw new errors .yo('there is no index.html', {
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
function ownLines(tree, path) {
	const text = tree.read(path);
	if (text === undefined || !/^\s*(?:http|events|server)\s*\{/m.test(text))
		return text;
	throw new errors .yo(`${path} is more than lines for server`, {
		hint: 'Leave only what stands within server { }, without listen and root; or rename it, and it is left alone.',
	});
}
function written(path, lines) {
	return [`RUN printf '%s\\n'`, ...lines.map((line) => `  '${line}'`), `  >${path}`].join(' \\\n');
}
;
const SIGNS = [];
const OTHERS = {
	'go.mod': 'Go',
	'Cargo.toml': 'Rust',
	'pom.xml': 'Java',
	'build.gradle': 'Java',
	'build.gradle.kts': 'Kotlin',
	Gemfile: 'Ruby',
	'composer.json': 'PHP',
	'mix.exs': 'Elixir',
	'deno.json': 'Deno',
};
function detectTemplate(tree, options) {
	const found = [...signs(tree), ...nodeOrSite(tree, options)];
	const [first, second] = found;
	if (second !== undefined && first !== undefined) {
		throw new errors .yo(`the folder may be meant for ${found.map(({ name, by }) => `${name} (${by})`).join(' or ')}`, {
			hint: `Say which: template: ${first.name}, or template: ${second.name}.`,
		});
	}
	if (first !== undefined)
		return first;
	const page = PAGES.find((path) => tree.paths.includes(path));
	if (page !== undefined)
		return { name: 'static', by: page };
	const other = Object.keys(OTHERS).find((path) => tree.paths.includes(path));
	throw new errors .yo(other === undefined
		? 'it is not clear from its files what the folder is'
		: `the folder is written in ${OTHERS[other]} (${other}), for which there is no template`, {
		hint: 'Write a Dockerfile, or name a template and how it is started: template: { name: node, start: node server.js }.',
	});
}
function signs(tree) {
	return SIGNS.flatMap(({ name, files }) => {
		const by = tree.paths.find((path) => files.test(path));
		return by === undefined ? [] : [{ name, by }];
	});
}
function nodeOrSite(tree, options) {
	if (!tree.paths.includes('package.json'))
		return [];
	const { app } = readProject(tree, options.app);
	const framework = frameworkOf(tree, app);
	const { start } = app.json.scripts ?? {};
	const isServed = options.start !== undefined || /^(?:[A-Z_]+=\S+ )*(?:cross-env .*)?(?:node|bun|tsx) /.test(start ?? '');
	if (!isServed && framework?.site !== undefined)
		return [{ name: 'static', by: framework.by }];
	if (options.output !== undefined)
		return [{ name: 'static', by: 'output' }];
	const isApp = isServed || framework !== undefined || start !== undefined || app.json.main !== undefined;
	const hasPage = PAGES.some((path) => tree.paths.includes(path));
	return !isApp && hasPage ? [] : [{ name: 'node', by: 'package.json' }];
}
var shell_words = __webpack_require__(5621);
;
const PROGRAMS = {
	fastify: ['fastify-cli', 'cli.js'],
	next: ['next', 'dist/bin/next'],
	'react-router-serve': ['@react-router/serve', 'bin.js'],
	'remix-serve': ['@remix-run/serve', 'dist/cli.js'],
	serve: ['serve', 'build/main.js'],
};
const DEVELOPMENT = /^(?:nodemon|ts-node-dev|tsx-watch|vite|webpack|webpack-dev-server|react-scripts|ng|vue-cli-service|parcel)$/;
const SCRIPTS = ['start:prod', 'start:production', 'start'];
const ENTRIES = ['server', 'index', 'app', 'main', 'src/server', 'src/index', 'src/app', 'src/main'].flatMap((path) => ['js', 'mjs', 'cjs', 'ts'].map((ending) => `${path}.${ending}`));
function startOf(tree, app, manager, isBuilt) {
	const script = SCRIPTS.find((name) => app.json.scripts?.[name] !== undefined);
	if (script !== undefined)
		return startOfScript(script, app, manager, []);
	const { main } = app.json;
	if (main !== undefined &&
		(isBuilt || tree.paths.includes(inFolder(app.folder, main.replace(/^\.\//, ''))))) {
		return { words: ['node', main], env: {}, by: 'main in package.json' };
	}
	const entry = ENTRIES.find((path) => tree.paths.includes(inFolder(app.folder, path)));
	if (entry !== undefined)
		return { words: ['node', entry], env: {}, by: entry };
	throw new errors .yo('nothing says how the app is started', {
		hint: 'Write a script start into package.json, "start": "node server.js", or start at the template.',
	});
}
function startOfScript(script, app, manager, before) {
	const line = app.json.scripts?.[script];
	const by = `script ${[...before, script][0]}`;
	const fail = (why) => {
		throw new errors .yo(`the script ${script} ${why}: ${JSON.stringify(line)}`, {
			hint: 'Write what it comes to as start of the template: start: node server.js.',
		});
	};
	if (line === undefined || before.includes(script))
		return fail('leads to none');
	if (app.json.scripts?.[`pre${script}`] !== undefined &&
		!/\bbuild\b/.test(app.json.scripts[`pre${script}`])) {
		return fail(`has a pre${script}, which nobody would run`);
	}
	const { env, words } = wordsOf(line, fail);
	const [program = '', ...rest] = words;
	const next = scriptRunBy(program, rest);
	if (next !== undefined) {
		const found = startOfScript(next, app, manager, [...before, script]);
		return { ...found, env: { ...env, ...found.env }, by };
	}
	if (program === 'node' || program === 'bun') {
		if (rest.includes('--watch'))
			return fail('runs the app as it is written');
		return { words, env, by };
	}
	if (program === 'tsx' && rest[0] !== 'watch') {
		if (dependenciesOf(app, false).tsx === undefined)
			return fail('needs tsx, which is a dependency for development');
		return { words: ['node', '--import', 'tsx', ...rest], env, by };
	}
	const [dependency, file] = (Object.hasOwn(PROGRAMS, program) && PROGRAMS[program]) || [];
	if (dependency === undefined || (program === 'next' && rest[0] !== 'start')) {
		return fail(DEVELOPMENT.test(program)
			? 'runs the app as it is written'
			: `runs ${program || 'nothing'}, of which it is not known where it lies`);
	}
	if (dependenciesOf(app, false)[dependency] === undefined) {
		return fail(`needs ${dependency}, which is no dependency`);
	}
	const place = manager.placeOf(dependency, app);
	return {
		words: ['node', `${upFrom(app.folder, place)}node_modules/${dependency}/${file}`, ...rest],
		env,
		by,
	};
}
function wordsOf(line, fail) {
	let words;
	try {
		words = (0,shell_words .y)(line);
	}
	catch {
		return fail('needs a shell');
	}
	if (/(?<!\\)\$/.test(line.replace(/'[^']*'/g, '')))
		return fail('needs a shell for its variables');
	const env = {};
	const wrapped = ['cross-env', 'env', 'exec'].includes(words[0] ?? '') ? words.slice(1) : words;
	const first = wrapped.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word));
	for (const word of wrapped.slice(0, Math.max(first, 0))) {
		const at = word.indexOf('=');
		env[word.slice(0, at)] = word.slice(at + 1);
	}
	return { env, words: wrapped.slice(Math.max(first, 0)) };
}
function scriptRunBy(program, [first = '', ...rest]) {
	if (!['npm', 'yarn', 'pnpm', 'bun'].includes(program))
		return undefined;
	if (first === 'run' && rest.length === 1)
		return rest[0];
	if (rest.length > 0)
		return undefined;
	if (program === 'npm')
		return first === 'start' ? first : undefined;
	return program === 'bun' || first === 'run' ? undefined : first;
}
function upFrom(folder, above) {
	if (folder === above)
		return '';
	return '../'.repeat(folder.split('/').length - (above === '.' ? 0 : above.split('/').length));
}
;
const node_USER = '1000:1000';
const node = (tree, options) => {
	const look = lookAtNode(tree, { ...options, builder: options.builder ?? options.base });
	const { framework, builds, manager } = look;
	const start = startFor(look, options);
	const isWhole = framework?.copies === undefined;
	const dependencies = isWhole ? installLines(look, true) : [];
	const stages = [
		installerStage(look),
		dependencies.length === 0 ? [] : [...startStage(look, 'dependencies'), ...dependencies],
		builds.length === 0 ? [] : [...buildStage(look), ...(isWhole ? [REMOVAL] : []), ...handedOver(look)],
		resultStage(look, start, options, dependencies.length > 0),
	];
	return {
		dockerfile: dockerfile(titleOf(framework?.title ?? 'Node', manager), stages.filter(({ length }) => length > 0)),
		ignore: ignoreText([
			'**/node_modules',
			'**/npm-debug.log*',
			...(builds.length === 0 ? [] : outputs(look)),
		]),
		found: [...look.found, `${start.words.join(' ')} (${start.by})`],
	};
};
function startFor(look, { start: asked }) {
	const { tree, project, manager, framework, builds } = look;
	if (asked !== undefined) {
		return { words: typeof asked === 'string' ? (0,shell_words .y)(asked) : [...asked], env: {}, by: 'start' };
	}
	if (framework?.start !== undefined) {
		return { words: [...framework.start], env: {}, by: framework.title };
	}
	return startOf(tree, project.app, manager, builds.length > 0);
}
const REMOVAL = run('find . -name node_modules -type d -prune -exec rm -rf {} +');
function handedOver({ project, framework }) {
	const folders = framework?.writable ?? [];
	return folders.map((folder) => run(['chown', '-R', node_USER, external_node_path_.posix.join(project.app.folder, folder)]));
}
function outputs({ framework }) {
	return (framework?.writable ?? framework?.copies?.map(([from]) => from.split('/')[0]) ?? []).map((one) => `**/${one}`);
}
function resultStage(look, start, { base }, hasDependencies) {
	const { project, framework, builds, image } = look;
	const runtime = start.words[0] === 'bun' ? 'oven/bun:1-slim' : image;
	const folder = external_node_path_.posix.join('/app', project.app.folder);
	return [
		`FROM ${base ?? runtime}`,
		'WORKDIR /app',
		...env({ NODE_ENV: 'production', ...framework?.env, ...start.env }),
		...(hasDependencies ? [copy(['/app'], './', '--from=dependencies')] : []),
		...(framework?.copies?.map(([from, to]) => copy([external_node_path_.posix.join(folder, from)], to === '.' ? './' : `./${to}`, '--from=build')) ?? ownFiles(look, builds.length > 0)),
		...(folder === '/app' ? [] : [`WORKDIR ${folder}`]),
		`USER ${node_USER}`,
		'STOPSIGNAL SIGTERM',
		`CMD ${execForm(start.words)}`,
	];
}
function ownFiles({ project }, isBuilt) {
	const folders = foldersOf(project);
	if (folders === undefined)
		return [isBuilt ? copy(['/app'], './', '--from=build') : 'COPY . .'];
	return folders.map((folder) => isBuilt ? copy([`/app/${folder}`], `./${folder}`, '--from=build') : copy([folder], `./${folder}`));
}
;
const TEMPLATES = { node: node, static: site };
function generateDockerfile(tree, { name, ...options }) {
	if (name !== 'auto')
		return TEMPLATES[name](tree, options);
	const { name: found, by } = detectTemplate(tree, options);
	const generated = TEMPLATES[found](tree, options);
	return { ...generated, found: [`template ${found} (${by})`, ...generated.found] };
}
;
async function makeDockerfile(service, template, context) {
	const tree = await readTree(context, await readIgnoreRules(service, context, undefined));
	try {
		const made = generateDockerfile(tree, template);
		return { ...made, ignore: (0,external_node_fs_.existsSync)((0,external_node_path_.join)(context, IGNORE_FILE)) ? undefined : made.ignore };
	}
	catch (error) {
		if (!(error instanceof errors .yo))
			throw error;
		const { hint } = error;
		throw new errors .yo(`${service}: ${error.message}`, { ...(hint && { hint }), cause: error });
	}
}
;
function rootOf({ checkout, workspace }) {
	return checkout?.root ?? (0,external_node_fs_.realpathSync)(workspace);
}
async function examine(spec, place) {
	const { folder, workspace, checkout, platform, digestOf } = place;
	const root = rootOf(place);
	const context = folderInside(spec, spec.context, folder, root);
	const { dockerfile, text, rules, template } = await dockerfileOf(spec, context, folder, root);
	const { images, lineOf } = readDockerfile(text, spec.args);
	const named = Object.entries(spec.contexts);
	const folders = named.filter(([, where]) => !isImage(where));
	const bases = [
		...images.filter((image) => !Object.hasOwn(spec.contexts, image)),
		...named.flatMap(([, where]) => (isImage(where) ? [where.slice(IMAGE.length)] : [])),
	];
	const [entries, others, digests] = await Promise.all([
		readContext(context, rules),
		Promise.all(folders.map(async ([name, where]) => [
			name,
			await readContext(folderInside(spec, where, folder, root), NOTHING),
		])),
		Promise.all(bases.map(async (image) => [image, await digestOf(image)])),
	]);
	const absolute = (where) => (isImage(where) ? where : (0,external_node_path_.resolve)(folder, where));
	const parts = contentParts({
		spec,
		dockerfile: text,
		context: entries,
		contexts: Object.fromEntries(others),
		images: Object.fromEntries(digests),
		platform,
	});
	return {
		spec,
		context,
		dockerfile,
		...(template && { template }),
		contexts: Object.fromEntries(named.map(([name, where]) => [name, absolute(where)])),
		hash: contentHash(parts),
		parts,
		changed: changedIn(checkout, {
			folders: [
				{ path: context, rules },
				...folders.map(([, where]) => ({ path: (0,external_node_fs_.realpathSync)((0,external_node_path_.resolve)(folder, where)), rules: NOTHING })),
			],
			file: 'path' in dockerfile ? dockerfile.path : undefined,
		}),
		file: 'path' in dockerfile ? (0,external_node_path_.relative)(workspace, (0,external_node_path_.resolve)(folder, pathOf(spec))) : undefined,
		lineOf,
	};
}
async function dockerfileOf(spec, context, folder, root) {
	const { service } = spec;
	if ('template' in spec.dockerfile) {
		const template = await makeDockerfile(service, spec.dockerfile.template, context);
		const { dockerfile: text, ignore } = template;
		const rules = ignore === undefined ? await readIgnoreRules(service, context, undefined) : parseIgnore(ignore);
		return { dockerfile: { text }, text, rules, template };
	}
	if ('text' in spec.dockerfile) {
		const { text } = spec.dockerfile;
		return { dockerfile: spec.dockerfile, text, rules: await readIgnoreRules(service, context, undefined) };
	}
	const path = fileInside(spec, spec.dockerfile.path, folder, root);
	const text = await (0,promises_.readFile)(path, 'utf8');
	return { dockerfile: { path }, text, rules: await readIgnoreRules(service, context, path) };
}
const IMAGE = 'docker-image://';
const isImage = (place) => place.startsWith(IMAGE);
function pathOf({ dockerfile }) {
	return 'path' in dockerfile ? dockerfile.path : '';
}
function folderInside(spec, path, folder, root) {
	const place = realInside(spec, path, folder, root, 'folder');
	if ((0,external_node_fs_.statSync)(place).isDirectory())
		return place;
	throw new errors .yo(`${spec.service}: ${path}, which is to be built, is no folder`, {
		hint: 'Write the folder with the Dockerfile: build: ./api.',
	});
}
function fileInside(spec, path, folder, root) {
	const place = realInside(spec, path, folder, root, 'Dockerfile');
	if ((0,external_node_fs_.statSync)(place).isFile())
		return place;
	throw new errors .yo(`${spec.service}: ${path} is no file`, {
		hint: 'Write the path of the Dockerfile, from the context, as dockerfile.',
	});
}
function realInside({ service }, path, folder, root, what) {
	const place = (0,external_node_path_.resolve)(folder, path);
	if (!(0,external_node_fs_.existsSync)(place)) {
		throw new errors .yo(`${service}: there is no ${what} ${path}`, {
			hint: what === 'Dockerfile'
				? 'Write template: auto below build, and one is made. Or name yours as dockerfile, from the context. Is it in git?'
				: 'Paths count from the folder of the configuration, that of a Dockerfile from its context. Is it in git, and is the repository checked out?',
		});
	}
	const real = (0,external_node_fs_.realpathSync)(place);
	if (real === root || real.startsWith(`${root}${external_node_path_.sep}`))
		return real;
	throw new errors .yo(`${service}: ${path} is outside of the repository`, {
		hint: 'Only what is in the repository is built: copy it there, or check it out below it.',
	});
}
function changedIn(checkout, read) {
	if (checkout === undefined)
		return [];
	return checkout.changed.filter((path) => {
		const place = (0,external_node_path_.join)(checkout.root, path);
		if (place === read.file)
			return true;
		return read.folders.some(({ path: folder, rules }) => {
			const inside = (0,external_node_path_.relative)(folder, place).split(external_node_path_.sep).join('/');
			return !inside.startsWith('..') && !rules.isIgnored(inside);
		});
	});
}
;
async function ejectDockerfiles(builds, place) {
	const { folder, workspace, log } = place;
	const made = await (0,fleet .i)(builds.flatMap((spec) => {
		if (!('template' in spec.dockerfile))
			return [];
		const { service } = spec;
		const context = folderInside(spec, spec.context, folder, rootOf(place));
		const file = (0,external_node_path_.join)(context, 'Dockerfile');
		if ((0,external_node_fs_.existsSync)(file)) {
			const shown = (0,external_node_path_.relative)(workspace, file);
			throw new errors .yo(`${service}: ${shown} is there already, and is left as it is`, {
				hint: 'Remove template from its build, and it is used; or remove the file.',
			});
		}
		return [
			makeDockerfile(service, spec.dockerfile.template, context).then((one) => ({
				service,
				context,
				...one,
			})),
		];
	}));
	if (made.length === 0) {
		throw new errors .yo('no build has a template, so there is no Dockerfile to write', {
			hint: 'Write template: auto below a build whose folder has no Dockerfile.',
		});
	}
	return await Promise.all(made.map(async ({ service, context, dockerfile, ignore, found }) => {
		const texts = { Dockerfile: dockerfile, ...(ignore !== undefined && { [IGNORE_FILE]: ignore }) };
		log.info(`${service}: made a Dockerfile for ${found.join(', ')}`);
		for (const [name, text] of Object.entries(texts)) {
			await (0,promises_.writeFile)((0,external_node_path_.join)(context, name), text, { flag: 'wx' });
			log.info(`${(0,external_node_path_.relative)(workspace, (0,external_node_path_.join)(context, name))}:\n${text}`);
		}
		return { service, files: Object.keys(texts).map((name) => (0,external_node_path_.relative)(workspace, (0,external_node_path_.join)(context, name))) };
	}));
}
var image_name = __webpack_require__(2319);
;
function buildxArguments(order) {
	const { spec, contexts, isPushed } = order;
	return [
		'buildx',
		'build',
		isPushed ? '--push' : '--load',
		...common(order),
		...each('cache-to', spec.cacheTo),
		...each('build-context', Object.entries(contexts).map(([name, place]) => `${name}=${place}`)),
		...each('allow', spec.entitlements),
		...given('provenance', spec.provenance),
		...given('sbom', spec.sbom),
		order.context,
	];
}
function engineArguments(order) {
	return ['build', ...common(order), order.context];
}
function beyondEngine(spec) {
	const said = {
		additional_contexts: Object.keys(spec.contexts).length,
		cache_to: spec.cacheTo.length,
		entitlements: spec.entitlements.length,
		provenance: spec.provenance?.length ?? 0,
		sbom: spec.sbom?.length ?? 0,
		'several platforms': Math.max(0, spec.platforms.length - 1),
	};
	return Object.entries(said).flatMap(([key, count]) => (count > 0 ? [key] : []));
}
function common({ spec, dockerfile, secretFiles, names, labels }) {
	return [
		'--progress=plain',
		`--file=${dockerfile}`,
		...each('tag', names),
		...each('build-arg', pairs(spec.args)),
		...each('label', pairs(labels)),
		...given('target', spec.target),
		...given('platform', spec.platforms.join(',') || undefined),
		...each('secret', Object.entries(secretFiles).map(([id, path]) => `id=${id},src=${path}`)),
		...each('ssh', spec.ssh),
		...each('cache-from', spec.cacheFrom),
		...(spec.noCache ? ['--no-cache'] : []),
		...(spec.pull ? ['--pull'] : []),
		...given('shm-size', spec.shmSizeBytes?.toString()),
		...each('add-host', spec.extraHosts),
		...given('network', spec.network),
		...each('ulimit', Object.entries(spec.ulimits).map(([name, { soft, hard }]) => `${name}=${soft}:${hard}`)),
	];
}
function pairs(map) {
	return Object.entries(map).map(([name, value]) => `${name}=${value}`);
}
function each(flag, values) {
	return values.map((value) => `--${flag}=${value}`);
}
function given(flag, value) {
	return value === undefined ? [] : [`--${flag}=${value}`];
}
var external_node_child_process_ = __webpack_require__(1421);
var external_node_readline_ = __webpack_require__(481);
;
async function runDocker(args, { env, signal, onLine }) {
	signal.throwIfAborted();
	const child = (0,external_node_child_process_.spawn)('docker', args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
	const lines = [];
	const take = (line) => {
		lines.push(line);
		onLine?.(line);
	};
	for (const stream of [child.stdout, child.stderr])
		(0,external_node_readline_.createInterface)({ input: stream }).on('line', take);
	return await new Promise((resolve, reject) => {
		child.on('error', (error) => {
			if (signal.aborted)
				return reject(signal.reason);
			reject(error.code === 'ENOENT' ? missingDocker(error) : error);
		});
		child.on('close', (code) => {
			if (signal.aborted)
				reject(signal.reason);
			else
				resolve({ code: code ?? 1, lines });
		});
	});
}
function missingDocker(cause) {
	return new errors .yo('there is no docker on this machine', {
		hint: 'Images are built by the client of Docker: use a runner that has it, or install Docker before this step.',
		cause,
	});
}
;
const FIRST_WITHOUT_BUILDKIT = 23;
async function findBuilder(run) {
	const buildx = await runDocker(['buildx', 'version'], run);
	if (buildx.code === 0)
		return buildxBuilder(/v?\d+\.\d+\.\d+\S*/.exec(buildx.lines.join(' '))?.[0] ?? '');
	const { lines } = await runDocker(['version', '--format', '{{.Client.Version}}'], run);
	const version = lines.find((line) => /^\d+\./.test(line));
	if (version !== undefined && Number.parseInt(version, 10) < FIRST_WITHOUT_BUILDKIT) {
		return engineBuilder(version);
	}
	throw new errors .yo(`the client of Docker (${version ?? 'of an unknown version'}) has no buildx, by which it builds`, {
		hint: 'Use docker/setup-buildx-action before this step, or install it: "apt-get install docker-buildx-plugin" (Docker’s packages), "docker-buildx" (Debian’s, Ubuntu’s).',
	});
}
function buildxBuilder(version) {
	return {
		name: `buildx ${version}`.trim(),
		refuse: () => undefined,
		build: (order, run) => runDocker(buildxArguments(order), run),
	};
}
function engineBuilder(version) {
	return {
		name: `Docker ${version}`,
		refuse(spec) {
			const keys = beyondEngine(spec);
			return keys.length === 0
				? undefined
				: `${keys.join(', ')} need buildx, and Docker ${version} here has none`;
		},
		async build(order, run) {
			const env = { ...run.env, DOCKER_BUILDKIT: '1' };
			const built = await runDocker(engineArguments(order), { ...run, env });
			const lines = [...built.lines];
			if (built.code !== 0 || !order.isPushed)
				return built;
			for (const name of order.names) {
				const pushed = await runDocker(['push', name], run);
				lines.push(...pushed.lines);
				if (pushed.code !== 0)
					return { code: pushed.code, lines };
			}
			return { code: 0, lines };
		},
	};
}
;
function stepsOf(lines) {
	const steps = new Set();
	const cached = new Set();
	for (const line of lines) {
		const [, number, rest = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
		if (number === undefined)
			continue;
		if (/^\[(?:\S+ )*\d+\/\d+\] (?!FROM )/.test(rest))
			steps.add(number);
		if (rest === 'CACHED')
			cached.add(number);
	}
	return { total: steps.size, cached: [...cached].filter((number) => steps.has(number)).length };
}
const MOST_LINES = 15;
function failureOf(lines) {
	const last = lines.findLast((line) => /^(?:ERROR: )?failed to (?:solve|compute)|^ERROR: /.test(line));
	const reason = (last ?? lines.findLast((line) => line.trim() !== '') ?? 'it said nothing')
		.replace(/^ERROR: /, '')
		.replace(/^failed to solve(?: with frontend [\w.]+)?: /, '')
		.replace(/^rpc error: code = \w+ desc = /, '')
		.replace(/^failed to solve with frontend [\w.]+: /, '')
		.replace(/^failed to create LLB definition: /, '');
	const [, told] = lines.map((line) => /^ > \[(.*)$/.exec(line)).findLast((match) => match !== null) ?? [];
	const instruction = told && /^(?:\S+ )*?\d+\/\d+\] (.*):$/.exec(told)?.[1];
	const placed = lines.map((line) => /^[^\s:]*Dockerfile[^\s:]*:(\d+)$/i.exec(line)?.[1]).findLast(Boolean);
	const parseLine = /(?:parse error (?:on|at)? ?line|line) (\d+)/i.exec(reason)?.[1];
	const line = Number(placed ?? (/dockerfile parse|unknown instruction/i.test(reason) ? parseLine : undefined));
	const number = /^#(\d+) ERROR: /.exec(lines.findLast((one) => /^#\d+ ERROR: /.test(one)) ?? '')?.[1];
	const output = lines.flatMap((one) => {
		const [, of, printed] = /^#(\d+) \d+\.\d+ (.*)$/.exec(one) ?? [];
		return of === number && printed !== undefined ? [printed] : [];
	});
	return {
		reason,
		...(line > 0 && { line }),
		...(instruction && { instruction }),
		output: output.slice(-MOST_LINES),
	};
}
;
function buildFailure({ spec, lines, file, lineOf }) {
	const { service } = spec;
	const { reason, line: told, instruction, output } = failureOf(lines);
	const push = pushFailure(reason);
	if (push !== undefined)
		return new errors .yo(`${service}: ${push.what}: ${reason}`, { hint: push.hint });
	const line = told ?? (instruction === undefined ? undefined : lineOf(instruction));
	const what = instruction === undefined ? 'the image could not be built' : `${instruction} failed`;
	const shown = output.map((one) => `\n  | ${one}`).join('');
	return new errors .yo(`${service}: ${what}: ${reason}${shown}`, {
		hint: hintFor(reason),
		...(file !== undefined && line !== undefined && { location: { file, line, column: 1 } }),
	});
}
function pushFailure(reason) {
	if (/failed to push|denied: |unauthorized|insufficient_scope|no basic auth credentials/i.test(reason)) {
		return {
			what: 'the registry did not take the image, or does not give what it builds on',
			hint: 'Are registry-username and registry-password right, and may that account write there? For ghcr.io the job needs "packages: write".',
		};
	}
	return undefined;
}
function hintFor(reason) {
	if (/no space left/i.test(reason)) {
		return 'The disk of the runner is full: "docker builder prune" frees what earlier builds have left.';
	}
	if (/not found: not found|"\/.*": not found|failed to compute cache key/i.test(reason)) {
		return 'Is the file in the context, and does .dockerignore not leave it out?';
	}
	if (/pull access denied|repository does not exist|manifest unknown|: not found$/i.test(reason)) {
		return 'Is the name of the base image right, and may the runner read it (docker/login-action)?';
	}
	if (/dial tcp|i\/o timeout|no such host|connection refused/i.test(reason)) {
		return 'A registry cannot be reached from where it is built: is its address right, and does it run?';
	}
	return 'Nothing was pushed or deployed. The whole output is in the log above.';
}
var model_labels = __webpack_require__(7411);
;
function imageLabels({ labels, service }, { project, parts, source, revision, committedAt }) {
	const known = {
		title: service,
		source,
		revision,
		version: revision,
		created: committedAt === undefined ? undefined : new Date(committedAt * 1000).toISOString(),
	};
	const own = Object.entries(known).flatMap(([name, value]) => value === undefined ? [] : [[`org.opencontainers.image.${name}`, value]]);
	return {
		...Object.fromEntries(own),
		...labels,
		[model_labels .d.project]: project,
		[CONTENT_LABEL]: contentLabel(parts),
	};
}
;
const images_AT_ONCE = 4;
async function buildImages(request) {
	const { builds, env, temporary: parent, login, isDryRun } = request;
	const where = placeOf(request);
	const examined = await (0,fleet .i)(builds.map((spec) => examine(spec, where)));
	refuseChanged(examined, request);
	for (const { spec, template } of examined) {
		if (template !== undefined)
			request.log.info(`${spec.service}: made a Dockerfile for ${template.found.join(', ')}`);
	}
	return await withDockerConfig({ env, parent, login }, async (place) => {
		const present = await (0,fleet .i)(examined.map((one) => find(one, request, place)));
		const missing = examined.filter((_one, index) => present[index] === undefined);
		const reasons = new Map(await (0,fleet .i)(missing.map(async (one) => [one, await reasonFor(one, request)])));
		if (isDryRun) {
			return examined.map((one, index) => present[index] ?? missingImage(one, reasons.get(one)));
		}
		const build = missing.length === 0 ? undefined : await builderFor(missing, request, place);
		return await inTurns(examined, async (one, index) => {
			const found = present[index];
			if (found === undefined)
				return await build(one, reasons.get(one));
			await nameAgain(found, one, request);
			return found;
		});
	});
}
function placeOf(request) {
	const { registry, log } = request;
	const known = new Map();
	const look = async (image) => {
		if (image.includes('@'))
			return image.split('@')[1];
		try {
			return await registry.digestOf(image);
		}
		catch (error) {
			if (!(error instanceof errors .yo))
				throw error;
			log.warning(`the digest of ${image} is not known, so a new image under that name is no reason to build again: ${(0,errors .bD)(error)}`);
			return undefined;
		}
	};
	const digestOf = (image) => {
		const found = known.get(image) ?? look(image);
		known.set(image, found);
		return found;
	};
	return { ...request, platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`, digestOf };
}
const SHOWN_PATHS = 5;
function refuseChanged(examined, { mayBeDirty, log }) {
	(0,errors .b2)(examined.flatMap(({ spec: { service }, changed }) => {
		if (changed.length === 0)
			return [];
		const shown = changed.slice(0, SHOWN_PATHS).join(', ');
		const more = changed.length > SHOWN_PATHS ? ` and ${changed.length - SHOWN_PATHS} more` : '';
		const message = `${service} would be built from what is not committed: ${shown}${more}`;
		if (mayBeDirty) {
			log.warning(message);
			return [];
		}
		return [
			new errors .yo(message, {
				hint: 'Commit it, have git or .dockerignore leave it out, or give the input allow-dirty: true.',
			}),
		];
	}));
}
async function find({ spec, hash }, { registry, isPushed, signal }, { env }) {
	const { service, repository } = spec;
	const named = `${repository}:${contentTag(hash)}`;
	const common = { service, repository, outcome: 'present', hash };
	if (!isPushed) {
		const { code } = await runDocker(['image', 'inspect', '--format', '{{.Id}}', named], { env, signal });
		return code === 0 ? { ...common, image: named, why: 'the engine has this content' } : undefined;
	}
	const digest = await registry.digestOf(named);
	if (digest === undefined)
		return undefined;
	const image = `${repository}@${digest}`;
	const sizeBytes = await registry.sizeOf(image);
	return { ...common, image, digest, sizeBytes, why: 'the registry has this content' };
}
function missingImage({ spec: { service, repository }, hash }, why) {
	return { service, repository, outcome: 'missing', image: `${repository}:${contentTag(hash)}`, hash, why };
}
async function reasonFor({ spec: { repository }, parts }, { registry, isPushed }) {
	if (!isPushed)
		return 'the engine does not have this content';
	const labels = await registry.labelsOf(`${repository}:${LAST_TAG}`);
	return whyBuilt(parts, labels?.[CONTENT_LABEL]);
}
function commitTag({ checkout }, isChanged) {
	return checkout?.commit && `${checkout.commit}${isChanged ? '-dirty' : ''}`;
}
async function nameAgain({ repository, digest, image }, { spec, changed }, request) {
	if (digest === undefined)
		return;
	const own = spec.tags.filter((name) => (0,image_name ._M)(name) === repository);
	const tags = own.map((name) => name.slice(repository.length + 1)).filter((tag) => tag !== '');
	const ofCommit = commitTag(request, changed.length > 0);
	for (const tag of [...(ofCommit === undefined ? [] : [ofCommit]), ...tags]) {
		if ((await request.registry.digestOf(`${repository}:${tag}`)) !== digest) {
			await request.registry.tag(image, tag);
		}
	}
}
async function builderFor(missing, request, place) {
	const { signal, log } = request;
	const builder = await findBuilder({ env: place.env, signal });
	(0,errors .b2)(missing.flatMap(({ spec }) => {
		const refusal = builder.refuse(spec);
		return refusal === undefined
			? []
			: [
				new errors .yo(`${spec.service}: ${refusal}`, {
					hint: 'Use docker/setup-buildx-action before this step.',
				}),
			];
	}));
	log.info(`Building ${missing.map(({ spec }) => spec.service).join(', ')} with ${builder.name}`);
	return (one, why) => build(one, why, builder, request, place);
}
async function build(one, why, builder, request, place) {
	const { spec, hash, file, lineOf } = one;
	const { service, repository } = spec;
	const { log, clock, signal, registry, isPushed, checkout } = request;
	const begun = clock.now();
	const order = await orderOf(one, request, (0,external_node_path_.join)(place.folder, service));
	const env = {
		...place.env,
		...(checkout?.committedAt !== undefined && { SOURCE_DATE_EPOCH: String(checkout.committedAt) }),
	};
	const onLine = (line) => {
		if (line.trim() !== '')
			log.info(`${service} | ${line}`);
	};
	const { code, lines } = await builder.build(order, { env, signal, onLine });
	if (code !== 0)
		throw buildFailure({ spec, lines, file, lineOf });
	const named = `${repository}:${contentTag(hash)}`;
	const digest = isPushed ? await registry.digestOf(named) : undefined;
	if (isPushed && digest === undefined) {
		throw new errors .yo(`${service}: the registry does not have ${named}, which was pushed to it`, {
			hint: 'Does it keep what it is given? Run again.',
		});
	}
	const image = digest === undefined ? named : `${repository}@${digest}`;
	const sizeBytes = isPushed ? await registry.sizeOf(image) : undefined;
	return {
		service,
		repository,
		outcome: 'built',
		image,
		...(digest !== undefined && { digest }),
		...(sizeBytes !== undefined && { sizeBytes }),
		hash,
		why,
		steps: stepsOf(lines),
		ms: Math.round(clock.now() - begun),
	};
}
async function orderOf(one, request, folder) {
	const { spec, context, contexts, dockerfile, template, hash, parts, changed } = one;
	await (0,promises_.mkdir)(folder, { mode: 0o700 });
	const inline = (0,external_node_path_.join)(folder, 'Dockerfile');
	if ('text' in dockerfile)
		await (0,promises_.writeFile)(inline, dockerfile.text);
	if (template?.ignore !== undefined)
		await (0,promises_.writeFile)(`${inline}.dockerignore`, template.ignore);
	const secretFiles = Object.entries(spec.secrets).map(([id], index) => [id, (0,external_node_path_.join)(folder, `secret-${index}`)]);
	for (const [id, path] of secretFiles)
		await (0,promises_.writeFile)(path, spec.secrets[id], { mode: 0o600 });
	const before = template?.before && (await imageBefore(spec, request));
	const tag = commitTag(request, changed.length > 0);
	const tags = [
		contentTag(hash),
		...(request.isPushed ? [LAST_TAG] : []),
		...(tag === undefined ? [] : [tag]),
	];
	return {
		spec: before ? { ...spec, args: { ...spec.args, [template.before]: before } } : spec,
		context,
		contexts,
		dockerfile: 'path' in dockerfile ? dockerfile.path : inline,
		secretFiles: Object.fromEntries(secretFiles),
		names: [...tags.map((one) => `${spec.repository}:${one}`), ...spec.tags],
		labels: imageLabels(spec, {
			project: request.project,
			parts,
			source: request.source,
			revision: tag,
			committedAt: request.checkout?.committedAt,
		}),
		isPushed: request.isPushed,
	};
}
async function imageBefore({ repository }, { registry, isPushed }) {
	const digest = isPushed ? await registry.digestOf(`${repository}:${LAST_TAG}`) : undefined;
	return digest && `${repository}@${digest}`;
}
async function inTurns(members, work) {
	const queue = members.map((member, index) => ({ member, index }));
	const results = new Map();
	await Promise.all(Array.from({ length: images_AT_ONCE }, async () => {
		for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
			const running = work(next.member, next.index);
			results.set(next.index, running);
			await running.catch(() => undefined);
		}
	}));
	return await (0,fleet .i)(members.map((_member, index) => results.get(index)));
}
;
  })
};
;
