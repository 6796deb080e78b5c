"use strict";
exports.id = 229;
exports.ids = [229];
exports.modules = {
  8229:
  ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {
__webpack_require__.d(__webpack_exports__, {
  buildImages: () => (  buildImages)
});
var promises_ = __webpack_require__(1455);
var external_node_path_ = __webpack_require__(4379);
var fleet = __webpack_require__(7492);
var errors = __webpack_require__(6454);
var image_name = __webpack_require__(2486);
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
var credentials = __webpack_require__(2218);
;
async function withDockerConfig({ env, parent, login }, work) {
	await (0,promises_.mkdir)(parent, { recursive: true });
	const folder = await (0,promises_.mkdtemp)((0,external_node_path_.join)(parent, 'switchyard-build-'));
	try {
		const own = (0,external_node_path_.join)(folder, 'docker');
		await (0,promises_.mkdir)(own, { mode: 0o700 });
		const given = (0,credentials .Pe)(env);
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
var external_node_stream_promises_ = __webpack_require__(6466);
;
const AT_ONCE = 16;
async function readContext(folder, rules) {
	const found = [];
	const files = [];
	const walk = async (below) => {
		for (const entry of await (0,promises_.readdir)((0,external_node_path_.join)(folder, below), { withFileTypes: true })) {
			const path = below === '' ? entry.name : `${below}/${entry.name}`;
			const isIgnored = rules.isIgnored(path);
			if (entry.isDirectory()) {
				if (!isIgnored)
					found.push({ path, kind: 'folder' });
				if (!isIgnored || rules.hasExceptions)
					await walk(path);
			}
			else if (isIgnored)
				continue;
			else if (entry.isSymbolicLink())
				found.push({ path, kind: 'link', to: await (0,promises_.readlink)((0,external_node_path_.join)(folder, path)) });
			else if (entry.isFile())
				files.push(path);
		}
	};
	await walk('');
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		for (let path = files.pop(); path !== undefined; path = files.pop()) {
			const place = (0,external_node_path_.join)(folder, path);
			const [sha256, { mode }] = await Promise.all([context_hashOf(place), (0,promises_.stat)(place)]);
			found.push({ path, kind: 'file', sha256, isExecutable: (mode & 0o111) !== 0 });
		}
	}));
	return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
async function context_hashOf(place) {
	const hash = (0,external_node_crypto_.createHash)('sha256');
	await (0,external_node_stream_promises_.pipeline)((0,external_node_fs_.createReadStream)(place), hash);
	return hash.digest('hex');
}
var main = __webpack_require__(114);
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
async function examine(spec, place) {
	const { folder, workspace, checkout, platform, digestOf } = place;
	const root = checkout?.root ?? (0,external_node_fs_.realpathSync)(workspace);
	const context = folderInside(spec, spec.context, folder, root);
	const dockerfile = 'path' in spec.dockerfile
		? { path: fileInside(spec, spec.dockerfile.path, folder, root) }
		: spec.dockerfile;
	const text = 'path' in dockerfile ? await (0,promises_.readFile)(dockerfile.path, 'utf8') : dockerfile.text;
	const rules = await ignoreRulesOf(spec, context, 'path' in dockerfile ? dockerfile.path : undefined);
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
const IMAGE = 'docker-image://';
const isImage = (place) => place.startsWith(IMAGE);
const NOTHING = { isIgnored: () => false, hasExceptions: false };
function pathOf({ dockerfile }) {
	return 'path' in dockerfile ? dockerfile.path : '';
}
async function ignoreRulesOf({ service }, context, dockerfile) {
	const own = dockerfile && `${dockerfile}.dockerignore`;
	const path = own !== undefined && (0,external_node_fs_.existsSync)(own) ? own : (0,external_node_path_.join)(context, '.dockerignore');
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
			hint: 'Paths count from the folder of the configuration, that of a Dockerfile from its context. Is it in git, and is the repository checked out?',
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
var model_labels = __webpack_require__(6882);
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
	return await withDockerConfig({ env, parent, login }, async (place) => {
		const present = await (0,fleet .i)(examined.map((one) => look(request, () => find(one, request, place))));
		const missing = examined.filter((_one, index) => present[index] === undefined);
		const reasons = new Map(await (0,fleet .i)(missing.map(async (one) => [
			one,
			(await look(request, () => reasonFor(one, request))) ?? 'nobody could look for it',
		])));
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
async function look({ isDryRun, log }, ask) {
	try {
		return await ask();
	}
	catch (error) {
		if (!isDryRun || !(error instanceof errors .yo))
			throw error;
		log.warning(`whether an image is there already is not known: ${(0,errors .bD)(error)}`);
		return undefined;
	}
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
	const { spec, context, contexts, dockerfile, hash, parts, changed } = one;
	await (0,promises_.mkdir)(folder, { mode: 0o700 });
	const inline = (0,external_node_path_.join)(folder, 'Dockerfile');
	if ('text' in dockerfile)
		await (0,promises_.writeFile)(inline, dockerfile.text);
	const secretFiles = Object.entries(spec.secrets).map(([id], index) => [id, (0,external_node_path_.join)(folder, `secret-${index}`)]);
	for (const [id, path] of secretFiles)
		await (0,promises_.writeFile)(path, spec.secrets[id], { mode: 0o600 });
	const tag = commitTag(request, changed.length > 0);
	const tags = [
		contentTag(hash),
		...(request.isPushed ? [LAST_TAG] : []),
		...(tag === undefined ? [] : [tag]),
	];
	return {
		spec,
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
