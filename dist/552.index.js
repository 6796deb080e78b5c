"use strict";
exports.id = 552;
exports.ids = [552];
exports.modules = {
  3552:
  ((__unused_webpack_module, __webpack_exports__, __webpack_require__) => {
__webpack_require__.d(__webpack_exports__, {
  buildImages: () => (  buildImages),
  ejectDockerfiles: () => (  ejectDockerfiles)
});
var external_node_fs_ = __webpack_require__(3024);
var promises_ = __webpack_require__(1455);
var external_node_path_ = __webpack_require__(4379);
var fleet = __webpack_require__(7492);
var errors = __webpack_require__(6454);
var external_node_crypto_ = __webpack_require__(7598);
var model_labels = __webpack_require__(6882);
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
			contexts: Object.fromEntries(Object.entries(spec.contexts).map(([name, place]) => [
				name,
				typeof place === 'string' ? place : 'git',
			])),
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
const CONTENT_LABEL = model_labels .d.content;
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
var main = __webpack_require__(114);
;
const REFERENCE = /\$(?:\{(\w+)(?::([-+])([^}]*))?\}|(\w+))/g;
function withVariables(text, values) {
	return text.replace(REFERENCE, (_all, braced, sign, word = '', bare) => {
		const value = values.get(braced ?? bare ?? '') ?? '';
		if (sign === '-')
			return value || word;
		if (sign === '+')
			return value && word;
		return value;
	});
}
function areKnown(text, values) {
	return [...text.matchAll(REFERENCE)].every(([, braced, sign, , bare]) => sign !== undefined || values.has(braced ?? bare ?? ''));
}
function writtenArguments(instruction) {
	return instruction.getArguments().map((argument) => {
		const [, name = '', value] = /^([^=]+)(?:=(.*))?$/s.exec(argument.getValue()) ?? [];
		return { name, value: value === undefined ? undefined : unquoted(value) };
	});
}
function globalVariables(instructions, args) {
	const known = new Map();
	for (const instruction of instructions) {
		for (const { name, value } of writtenArguments(instruction)) {
			const given = Object.hasOwn(args, name) ? args[name] : undefined;
			const found = given ?? (value === undefined ? undefined : withVariables(value, known));
			if (found !== undefined)
				known.set(name, found);
		}
	}
	return known;
}
function unquoted(text) {
	return /^(["']).*\1$/s.test(text) ? text.slice(1, -1) : text;
}
;
function readDockerfile(text, args) {
	const parsed = main.DockerfileParser.parse(text);
	const instructions = parsed.getInstructions();
	const froms = parsed.getFROMs();
	const stages = new Set();
	const images = new Set();
	const global = globalVariables(parsed.getInitialARGs(), args);
	const add = (said) => {
		const image = said && withVariables(said, global);
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
async function readIgnoreRules(service, context, dockerfile, check = () => undefined) {
	const own = dockerfile && `${dockerfile}.dockerignore`;
	const path = own !== undefined && (0,external_node_fs_.existsSync)(own) ? own : (0,external_node_path_.join)(context, IGNORE_FILE);
	if (!(0,external_node_fs_.existsSync)(path))
		return NOTHING;
	check(path);
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
function readStages(text, { args = {}, target, contexts = [] } = {}) {
	const parsed = main.DockerfileParser.parse(text);
	const initial = parsed.getInitialARGs();
	const global = globalVariables(initial, args);
	const named = new Map();
	const stages = [];
	let own = [];
	for (const instruction of parsed.getInstructions()) {
		if (instruction.getKeyword() !== 'FROM') {
			own.push(instruction);
			continue;
		}
		const from = instruction;
		const said = from.getImage() ?? '';
		const written = areKnown(said, global) ? withVariables(said, global) : '';
		const base = named.get(written.toLowerCase());
		own = base === undefined ? [] : triggersOf(base);
		const isImage = base === undefined && written !== '' && !contexts.includes(written);
		const stage = { from, base, image: isImage ? written : undefined, instructions: own };
		named.set(String(stages.length), stage);
		const name = from.getBuildStage();
		if (name !== null)
			named.set(name.toLowerCase(), stage);
		stages.push(stage);
	}
	const built = (target === undefined ? undefined : named.get(target.toLowerCase())) ?? stages.at(-1);
	return { initial, stages, built, lines: text.split(/\r?\n/), global, args };
}
function triggersOf({ instructions }) {
	return instructions.flatMap((instruction) => {
		if (instruction.getKeyword() !== 'ONBUILD')
			return [];
		const trigger = instruction.getTriggerInstruction();
		return trigger === null ? [] : [trigger];
	});
}
function chainOf(stage) {
	return [...(stage.base === undefined ? [] : chainOf(stage.base)), stage];
}
function stages_lineOf(instruction) {
	return instruction.getRange().start.line + 1;
}
function resolved(text, stage, until, { global, args }) {
	const values = variablesAt(stage, until, global, args);
	return areKnown(text, values) ? withVariables(text, values) : undefined;
}
function variablesAt(stage, until, global, args) {
	const declared = new Map();
	const set = new Map();
	const known = () => new Map([...declared, ...set]);
	for (const instruction of chainOf(stage).flatMap(({ instructions }) => instructions)) {
		if (instruction === until)
			break;
		if (instruction.getKeyword() === 'ARG') {
			for (const { name, value } of writtenArguments(instruction)) {
				const given = Object.hasOwn(args, name) ? args[name] : undefined;
				const found = given ?? (value === undefined ? global.get(name) : withVariables(value, known()));
				if (found !== undefined)
					declared.set(name, found);
			}
		}
		if (instruction.getKeyword() === 'ENV') {
			const before = known();
			for (const property of instruction.getProperties()) {
				set.set(property.getName(), withVariables(property.getValue() ?? '', before));
			}
		}
	}
	return known();
}
;
const baseTag = ({ stages }) => stages.flatMap(({ from, image }) => {
	if (image === undefined || image === 'scratch' || image.includes('@'))
		return [];
	const [, tag] = image.slice(image.lastIndexOf('/') + 1).split(':');
	if (tag !== undefined && tag !== 'latest')
		return [];
	const name = tag === undefined ? image : image.slice(0, -':latest'.length);
	return [
		{
			rule: 'latest',
			line: stages_lineOf(from),
			message: `${image}${tag === undefined ? ' has no tag, so it' : ''} is another image from one day to the next`,
			hint: `Write a version, as in ${name}:1.2, so that a build gives again what it gave before.`,
		},
	];
});
;
const checksum = (dockerfile) => dockerfile.stages.flatMap((stage) => stage.instructions.flatMap((instruction) => {
	if (instruction.getKeyword() !== 'ADD')
		return [];
	const add = instruction;
	if (add.getFlags().some((flag) => flag.getName() === 'checksum'))
		return [];
	const listed = add.getJSONStrings().map((one) => one.getJSONValue());
	const words = listed.length > 0 ? listed : add.getArguments().map((one) => one.getValue());
	const isFetched = words.slice(0, -1).some((source) => {
		const address = resolved(source, stage, instruction, dockerfile) ?? source;
		return /^https?:\/\//i.test(address) && !/\.git(?:#|$)/.test(address);
	});
	if (!isFetched)
		return [];
	return [
		{
			rule: 'checksum',
			line: stages_lineOf(instruction),
			message: 'ADD takes whatever the address gives on the day of the build',
			hint: 'Write ADD --checksum=sha256:… with the sum of what you have looked at.',
		},
	];
}));
;
const LINT_RULES = [
	'shell-form',
	'package-manager',
	'user',
	'install-order',
	'latest',
	'secret',
	'checksum',
];
;
function commandOf(instruction) {
	const text = instruction.getArgumentsContent()?.trim() ?? '';
	return { words: wordsOf(text), text, keyword: instruction.getKeyword(), line: stages_lineOf(instruction) };
}
function wordsOf(text) {
	if (!text.startsWith('['))
		return undefined;
	try {
		const read = JSON.parse(text);
		const isList = Array.isArray(read) && read.every((word) => typeof word === 'string');
		return isList ? read : undefined;
	}
	catch {
		return undefined;
	}
}
function startOf(stage) {
	let start = { entrypoint: undefined, cmd: undefined };
	for (const { instructions } of chainOf(stage)) {
		const last = (keyword) => {
			const found = instructions.findLast((one) => one.getKeyword() === keyword);
			return found && commandOf(found);
		};
		const [entrypoint, cmd] = [last('ENTRYPOINT'), last('CMD')];
		start = {
			entrypoint: entrypoint ?? start.entrypoint,
			cmd: cmd ?? (entrypoint === undefined ? start.cmd : undefined),
		};
	}
	return start;
}
function programOf(word) {
	return word?.split('/').at(-1) ?? '';
}
;
const installOrder = ({ stages }) => stages.flatMap(inStage);
function inStage(stage) {
	let copy;
	for (const instruction of chainOf(stage).flatMap(({ instructions }) => instructions)) {
		if (copiesAll(instruction))
			copy ??= instruction;
		const installer = instruction.getKeyword() === 'RUN' ? installerIn(instruction) : undefined;
		if (installer === undefined)
			continue;
		if (copy === undefined || !stage.instructions.includes(instruction))
			return [];
		return [
			{
				rule: 'install-order',
				line: stages_lineOf(copy),
				message: `${installer} runs again with each change of the source, which is copied before it`,
				hint: 'Copy what names the dependencies (package.json and the lock file, requirements.txt), install, and copy the rest after that.',
			},
		];
	}
	return [];
}
function copiesAll(instruction) {
	if (!['COPY', 'ADD'].includes(instruction.getKeyword()))
		return false;
	if (instruction.getFlags().some((flag) => flag.getName() === 'from'))
		return false;
	const listed = instruction.getJSONStrings().map((one) => one.getJSONValue());
	const words = listed.length > 0 ? listed : instruction.getArguments().map((one) => one.getValue());
	return words.slice(0, -1).some((source) => ['.', './', '/', '*'].includes(source));
}
const INSTALLERS = {
	npm: ['ci', 'clean-install', 'i', 'install'],
	yarn: ['', 'install'],
	pnpm: ['i', 'install', 'fetch'],
	bun: ['i', 'install'],
	poetry: ['install', 'sync'],
	uv: ['sync'],
	pipenv: ['install', 'sync'],
	bundle: ['', 'install'],
	composer: ['install'],
};
function installerIn(instruction) {
	const { words, text } = commandOf(instruction);
	const commands = words === undefined ? text.split(/&&|\|\||[;|\n]/).map((one) => one.trim().split(/\s+/)) : [words];
	for (const command of commands) {
		const found = installer(command);
		if (found !== undefined)
			return found;
	}
	return undefined;
}
function installer(command) {
	const [first, ...rest] = command.slice(command.findIndex((word) => !/^\w+=|^(?:sudo|exec)$/.test(word)));
	const program = programOf(first);
	if (/^python[\d.]*$/.test(program) && rest[0] === '-m')
		return installer(rest.slice(1));
	if (program === 'uv' && rest[0] === 'pip')
		return installer(rest);
	const [verb = '', ...named] = rest.filter((word) => !word.startsWith('-'));
	if (/^pip[\d.]*$/.test(program)) {
		const isOwn = rest.some((word) => /^(?:-r|--requirement|-e|--editable|\.)/.test(word));
		return verb === 'install' && isOwn ? `${program} install` : undefined;
	}
	if (!Object.hasOwn(INSTALLERS, program) || !INSTALLERS[program].includes(verb))
		return undefined;
	if (named.length > 0 || rest.some((word) => word === '-g' || word === '--global'))
		return undefined;
	return `${program} ${verb}`.trim();
}
;
const secretNames = ({ initial, stages }) => [
	...initial.flatMap(inArg),
	...stages.flatMap(({ instructions }) => instructions.flatMap((instruction) => {
		if (instruction.getKeyword() === 'ARG')
			return inArg(instruction);
		return instruction.getKeyword() === 'ENV' ? inEnv(instruction) : [];
	})),
];
function inArg(instruction) {
	const line = stages_lineOf(instruction);
	return writtenArguments(instruction).flatMap(({ name, value }) => {
		const isGiven = value === undefined || value === '';
		const isSecret = isSecretName(name) && (isGiven || isSecretValue(value));
		return isSecret || hasPassword(value ?? '') ? [finding(name, line, HINTS.arg(name))] : [];
	});
}
function inEnv(instruction) {
	return instruction.getProperties().flatMap((property) => {
		const [name, value] = [property.getName(), property.getValue() ?? ''];
		const isSecret = (isSecretName(name) && isSecretValue(value)) || hasPassword(value);
		return isSecret ? [finding(name, property.getRange().start.line + 1, HINTS.env)] : [];
	});
}
const HINTS = {
	arg: (name) => `Name it under build.secrets, and read it where it is needed: RUN --mount=type=secret,id=${name} …`,
	env: 'Leave it out: a service gets its secrets when it starts, by secrets in switchyard.yml.',
};
const finding = (name, line, hint) => ({
	rule: 'secret',
	line,
	message: `${name} can be read by anybody who has the image`,
	hint,
});
const SECRET_ENDS = [
	'TOKEN',
	'PASSWORD',
	'PASSWD',
	'PASSPHRASE',
	'PASS',
	'PWD',
	'SECRET',
	'SECRETS',
	'CREDENTIALS',
	'KEY',
	'APIKEY',
];
const OPEN_WORDS = [
	'PUBLIC',
	'PUB',
	'PUBLISHABLE',
	'ANON',
	'SITE',
	'GPG',
	'CACHE',
	'PRIMARY',
	'FOREIGN',
	'SORT',
	'PARTITION',
	'HOST',
	'OLD',
];
const PAGE_VARIABLE = /^(?:NEXT_PUBLIC|NUXT_PUBLIC|EXPO_PUBLIC|VITE|REACT_APP|GATSBY|PUBLIC)_/;
function isSecretName(name) {
	if (PAGE_VARIABLE.test(name))
		return false;
	const words = name
		.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2')
		.toUpperCase()
		.split(/[_.-]+/)
		.filter((word) => word !== '');
	if (words.join('_') === 'SECRET_KEY_BASE')
		return true;
	if (words.length === 1 && ['KEY', 'PWD', 'PASS'].includes(words[0]))
		return false;
	return SECRET_ENDS.includes(words.at(-1) ?? '') && !words.some((word) => OPEN_WORDS.includes(word));
}
function isSecretValue(value) {
	return !/^(?:|true|false|yes|no|on|off|none|null|\d{1,4}|\.{0,2}\/.*)$/is.test(value.trim());
}
function hasPassword(value) {
	return /:\/\/[^/\s:@$]*:[^/\s@$]+@/.test(value);
}
;
const IGNORE = /^\s*#\s*switchyard\s+ignore=(.*)$/;
function silencedIn({ lines, initial, stages }) {
	const instructions = [...initial, ...stages.flatMap((stage) => [stage.from, ...stage.instructions])];
	const begins = instructions.map(stages_lineOf).sort((a, b) => a - b);
	return ({ rule, line }) => {
		const begin = begins.findLast((one) => one <= line) ?? line;
		for (let above = begin - 2; lines[above]?.trimStart().startsWith('#'); above -= 1) {
			const rules = IGNORE.exec(lines[above])?.[1]?.split(/[\s,]+/) ?? [];
			if (rules.includes(rule))
				return true;
		}
		return false;
	};
}
;
const SHELLS = ['sh', 'bash', 'ash', 'dash', 'zsh'];
const PACKAGE_MANAGERS = ['npm', 'npx', 'yarn', 'yarnpkg', 'pnpm', 'pnpx'];
const LINE_FLAG = /^-[a-z]*c$/;
const EXEC = /^exec\s+/;
const start = ({ built }) => {
	if (built === undefined)
		return [];
	const { entrypoint, cmd } = startOf(built);
	if (tellsAll(entrypoint?.words ?? []))
		return [];
	const isLine = entrypoint !== undefined && entrypoint.words === undefined;
	return [entrypoint, ...(isLine ? [] : [cmd])].flatMap((command) => command === undefined ? [] : findings(command));
};
function tellsAll(words) {
	const program = programOf(words[0]);
	return program === 'dumb-init' || (program === 'tini' && words.some((word) => /^-\w*g/.test(word)));
}
function findings(command) {
	const { keyword, line } = command;
	const { shell, text, program } = launched(command);
	const found = [];
	if (shell && text !== '' && !EXEC.test(text)) {
		found.push({
			rule: 'shell-form',
			line,
			message: `${keyword} runs in a shell, which may keep SIGTERM from the app: it is killed then, with what it was doing`,
			hint: `Write it as a list: ${keyword} ${listFor(text)}. What needs a shell begins with exec.`,
		});
	}
	if (PACKAGE_MANAGERS.includes(program)) {
		found.push({
			rule: 'package-manager',
			line,
			message: `${program} stands between the container and the app, and does not pass SIGTERM on`,
			hint: `Start the app itself: ${keyword} ["node", "server.js"].`,
		});
	}
	return found;
}
function launched({ words, text }) {
	const isShell = words !== undefined && SHELLS.includes(programOf(words[0]));
	const flag = isShell ? words.findIndex((word) => LINE_FLAG.test(word)) : -1;
	if (words !== undefined && flag === -1)
		return { shell: false, text, program: programOf(words[0]) };
	const line = (words === undefined ? text : (words[flag + 1] ?? '')).trim();
	return { shell: true, text: line, program: programOf(line.replace(EXEC, '').split(/\s+/)[0]) };
}
function listFor(text) {
	const isPlain = /^[\w\s@%+=:,./-]+$/.test(text) && !/^\w+=/.test(text);
	return JSON.stringify(isPlain ? text.split(/\s+/) : ['node', 'server.js']).replaceAll('","', '", "');
}
;
const HAS_USER = /nonroot|non-root|unprivileged|rootless|(?:^|\/)(?:bitnami|chainguard)\//i;
const CHANGES_USER = ['gosu', 'su-exec', 'setpriv', 'runuser'];
const user = (dockerfile) => {
	const { built } = dockerfile;
	if (built === undefined)
		return [];
	const chain = chainOf(built);
	const { image } = chain[0];
	const { entrypoint, cmd } = startOf(built);
	const words = [entrypoint, cmd].flatMap((command) => command?.words ?? command?.text.split(/\s+/) ?? []);
	if (words.some((word) => CHANGES_USER.includes(word.split('/').at(-1))))
		return [];
	const stage = chain.findLast(({ instructions }) => instructions.some(isUser));
	const last = stage?.instructions.findLast(isUser);
	if (stage === undefined || last === undefined) {
		if (image !== undefined && HAS_USER.test(image))
			return [];
		return [
			user_finding(stages_lineOf(built.from), 'the app runs as root, unless the image below has another user: there is no USER', 'Write USER 10001, or any other number, before CMD.'),
		];
	}
	const said = resolved(last.getArgumentsContent() ?? '', stage, last, dockerfile);
	const name = said?.trim().split(':')[0] ?? '';
	if (name === 'root' || /^0+$/.test(name)) {
		return [
			user_finding(stages_lineOf(last), `the app runs as root: USER ${name} is the last one`, 'Write USER 10001, or any other number, behind what needs root.'),
		];
	}
	const isName = name !== '' && !/^\d+$/.test(name);
	if (isName && image === 'scratch' && !chain.some(({ instructions }) => instructions.some(bringsUsers))) {
		return [
			user_finding(stages_lineOf(last), `nothing says who ${name} is: an image from scratch has no /etc/passwd`, 'Write a number: USER 10001.'),
		];
	}
	return [];
};
const isUser = (instruction) => instruction.getKeyword() === 'USER';
const bringsUsers = (instruction) => ['COPY', 'ADD'].includes(instruction.getKeyword()) &&
	/\/(?:etc|passwd|rootfs)\b|\s\/$/.test(instruction.getArgumentsContent() ?? '');
const user_finding = (line, message, hint) => ({
	rule: 'user',
	line,
	message,
	hint,
});
;
const RULES = [start, user, installOrder, baseTag, secretNames, checksum];
function lintDockerfile(text, options = {}) {
	const dockerfile = readStages(text, options);
	const isSilenced = silencedIn(dockerfile);
	const found = RULES.flatMap((rule) => rule(dockerfile)).filter((one) => !isSilenced(one));
	const once = new Map(found.map((one) => [`${one.line} ${one.rule} ${one.message}`, one]));
	const order = ({ rule }) => LINT_RULES.indexOf(rule);
	return [...once.values()].sort((a, b) => a.line - b.line || order(a) - order(b));
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
var dist = __webpack_require__(3483);
var schemas = __webpack_require__(3045);
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
var constants = __webpack_require__(1531);
var shlex = __webpack_require__(4089);
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
				prune: 'npm prune --omit=dev --ignore-scripts',
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
				install: ({ isProduction, app, isWorkspace }) => joined('pnpm install --frozen-lockfile --store-dir=/root/.pnpm', `--prod=${isProduction}`, isWorkspace && app.folder !== '.' && `--filter=${(0,shlex .hD)(`{./${app.folder}}...`)}`),
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
var satisfies = __webpack_require__(7871);
var satisfies_default =  __webpack_require__.n(satisfies);
var min_version = __webpack_require__(5358);
var min_version_default =  __webpack_require__.n(min_version);
var valid = __webpack_require__(5762);
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
function worksOnPackages({ project: { top, app } }) {
	if ([top, app].some(({ json }) => json.scripts?.postinstall !== undefined))
		return 'postinstall';
	return Object.hasOwn(dependenciesOf(app), '@prisma/client') ? 'Prisma' : undefined;
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
const SIGNS = [
	{
		name: 'python',
		files: /^(?:pyproject\.toml|Pipfile|(?:[\w-]+[-_.])?requirements(?:[-_.][\w-]+)?\.txt|requirements\/[\w.-]+\.txt|(?:main|app|manage)\.py)$/,
	},
];
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
	const found = [...signs(tree, options), ...nodeOrSite(tree, options)];
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
function signs(tree, { app = '.' }) {
	const prefix = inFolder(app, '');
	return SIGNS.flatMap(({ name, files }) => {
		const by = tree.paths.find((path) => path.startsWith(prefix) && files.test(path.slice(prefix.length)));
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
var shell_words = __webpack_require__(2740);
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
function node_start_startOf(tree, app, manager, isBuilt) {
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
	const { env, words } = node_start_wordsOf(line, fail);
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
function node_start_wordsOf(line, fail) {
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
	const worker = isWhole ? worksOnPackages(look) : undefined;
	const isBuilt = builds.length > 0 || worker !== undefined;
	const dependencies = isWhole && worker === undefined ? installLines(look, true) : [];
	const removal = worker === undefined ? REMOVAL : pruning(look);
	const stages = [
		installerStage(look),
		dependencies.length === 0 ? [] : [...startStage(look, 'dependencies'), ...dependencies],
		isBuilt ? [...buildStage(look), ...(isWhole ? removal : []), ...handedOver(look)] : [],
		resultStage(look, start, options, {
			hasDependencies: dependencies.length > 0,
			files: worker === undefined ? ownFiles(look, isBuilt) : [copy(['/app'], './', '--from=build')],
		}),
	];
	return {
		dockerfile: dockerfile(titleOf(framework?.title ?? 'Node', manager), stages.filter(({ length }) => length > 0)),
		ignore: ignoreText([
			'**/node_modules',
			'**/npm-debug.log*',
			...(builds.length === 0 ? [] : outputs(look)),
		]),
		found: [
			...look.found,
			...(worker === undefined ? [] : [`packages as they are after the build (${worker})`]),
			`${start.words.join(' ')} (${start.by})`,
		],
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
	return node_start_startOf(tree, project.app, manager, builds.length > 0);
}
const REMOVAL = [run('find . -name node_modules -type d -prune -exec rm -rf {} +')];
function pruning({ manager: { prune }, project: { members } }) {
	return prune === undefined || members.length > 0 ? [] : [run(prune)];
}
function handedOver({ project, framework }) {
	const folders = framework?.writable ?? [];
	return folders.map((folder) => run(['chown', '-R', node_USER, external_node_path_.posix.join(project.app.folder, folder)]));
}
function outputs({ framework }) {
	return (framework?.writable ?? framework?.copies?.map(([from]) => from.split('/')[0]) ?? []).map((one) => `**/${one}`);
}
function resultStage({ project, framework, image }, start, { base }, { hasDependencies, files }) {
	const runtime = start.words[0] === 'bun' ? 'oven/bun:1-slim' : image;
	const folder = external_node_path_.posix.join('/app', project.app.folder);
	const copies = framework?.copies?.map(([from, to]) => copy([external_node_path_.posix.join(folder, from)], to === '.' ? './' : `./${to}`, '--from=build'));
	return [
		`FROM ${base ?? runtime}`,
		'WORKDIR /app',
		...env({ NODE_ENV: 'production', ...framework?.env, ...start.env }),
		...(hasDependencies ? [copy(['/app'], './', '--from=dependencies')] : []),
		...(copies ?? files),
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
var smol_toml_dist = __webpack_require__(528);
;
const names = schemas .g1P(schemas .YjP(), schemas .L5J()).optional().catch(undefined);
const python_project_texts = schemas .YOg(schemas .YjP()).optional().catch(undefined);
const python_project_text = schemas .YjP().optional().catch(undefined);
const flag = schemas .zMY().optional().catch(undefined);
const pyproject = schemas ._H3({
	project: schemas ._H3({
		name: python_project_text,
		dependencies: python_project_texts,
		'requires-python': python_project_text,
		scripts: names,
		dynamic: python_project_texts,
	})
		.optional()
		.catch(undefined),
	'build-system': schemas ._H3({ requires: python_project_texts }).optional().catch(undefined),
	tool: schemas ._H3({
		poetry: schemas ._H3({
			name: python_project_text,
			dependencies: names,
			scripts: names,
			'package-mode': flag,
			packages: schemas .L5J().optional(),
		})
			.optional()
			.catch(undefined),
		uv: schemas ._H3({ package: flag, 'required-version': python_project_text, sources: names, workspace: names })
			.optional()
			.catch(undefined),
	})
		.optional()
		.catch(undefined),
});
const pipfile = schemas ._H3({ packages: names, requires: names });
function readPythonProject(tree) {
	return {
		pyproject: readToml(tree, 'pyproject.toml', pyproject),
		pipfile: readToml(tree, 'Pipfile', pipfile),
	};
}
function readToml(tree, path, shape) {
	const said = tree.read(path);
	if (said === undefined)
		return undefined;
	try {
		return shape.parse((0,smol_toml_dist .qg)(said));
	}
	catch (cause) {
		if (!(cause instanceof smol_toml_dist .zx))
			throw cause;
		throw new errors .yo(`${path}:${cause.line}:${cause.column}: this is no TOML`, {
			hint: `Mend ${path}: pip and uv could not read it either.`,
			cause,
		});
	}
}
function python_project_dependenciesOf({ pyproject, pipfile }, requirements) {
	const written = [...requirements, ...(pyproject?.project?.dependencies ?? [])].map(parseRequirement);
	const tables = [pyproject?.tool?.poetry?.dependencies, pipfile?.packages].flatMap((table) => Object.entries(table ?? {}).map(([name, said]) => ({ name: canonical(name), extras: extrasIn(said) })));
	const all = new Map();
	for (const { name, extras } of [...written, ...tables]) {
		if (name !== '')
			all.set(name, [...(all.get(name) ?? []), ...extras]);
	}
	return all;
}
function parseRequirement(line) {
	const [, name = '', extras = ''] = /^([A-Za-z\d][\w.-]*)\s*(?:\[([^\]]*)\])?/.exec(line.trim()) ?? [];
	return { name: canonical(name), extras: extras.split(',').map((one) => one.trim().toLowerCase()) };
}
function extrasIn(said) {
	const { extras } = (said ?? {});
	return Array.isArray(extras) ? extras.map((one) => String(one).toLowerCase()) : [];
}
function canonical(name) {
	return name.toLowerCase().replaceAll(/[-_.]+/g, '-');
}
function scriptsOf({ pyproject }) {
	return Object.keys(pyproject?.project?.scripts ?? pyproject?.tool?.poetry?.scripts ?? {});
}
function python_project_nameOf({ pyproject }) {
	return pyproject?.project?.name ?? pyproject?.tool?.poetry?.name;
}
function isPackage(tree, project) {
	const { pyproject } = project;
	if (pyproject?.['build-system'] === undefined)
		return false;
	const { poetry, uv } = pyproject.tool ?? {};
	if (poetry?.['package-mode'] === false || uv?.package === false)
		return false;
	if (poetry?.packages !== undefined)
		return true;
	const name = canonical(python_project_nameOf(project) ?? '').replaceAll('-', '_');
	return tree.paths.some((path) => ['', 'src/'].some((root) => path === `${root}${name}.py` || path === `${root}${name}/__init__.py`));
}
;
const VENV = '/venv';
const PROJECT = '/project';
const UV = 'uv==0.13.9';
const POETRY = 'poetry==2.5.1';
const PIPENV = 'pipenv==2026.10.3';
const TOOLS = '/tools';
const PIP = `python3 -m pip --python ${VENV}`;
const UV_ENV = { UV_LINK_MODE: 'copy', UV_PYTHON_DOWNLOADS: 'never' };
function installerFor(tree, { pyproject }, requirements) {
	const has = (path) => tree.paths.includes(path);
	const withPip = { tool: undefined, env: {}, cache: '/root/.cache/pip', package: `${PIP} install` };
	const withUv = { env: UV_ENV, cache: '/root/.cache/uv', package: `${TOOLS}/bin/uv pip install` };
	if (has('uv.lock')) {
		refuseLocal(pyproject);
		const required = pyproject?.tool?.uv?.['required-version'];
		return {
			...withUv,
			title: 'uv',
			by: 'uv.lock',
			tool: required === undefined ? UV : `uv${/^\d/.test(required) ? '==' : ''}${required}`,
			env: { ...UV_ENV, UV_PROJECT_ENVIRONMENT: VENV },
			files: ['pyproject.toml', 'uv.lock'],
			command: `${TOOLS}/bin/uv sync --locked --no-dev --no-install-project`,
		};
	}
	if (has('poetry.lock')) {
		return {
			...withPip,
			title: 'Poetry',
			by: 'poetry.lock',
			tool: POETRY,
			files: ['pyproject.toml', 'poetry.lock'],
			command: `${TOOLS}/bin/poetry install --only main --no-root --no-interaction`,
			cache: '/root/.cache/pypoetry',
		};
	}
	if (has('Pipfile.lock')) {
		return {
			...withPip,
			title: 'Pipenv',
			by: 'Pipfile.lock',
			tool: PIPENV,
			env: { PIPENV_VERBOSITY: '-1' },
			files: ['Pipfile', 'Pipfile.lock'],
			command: `${TOOLS}/bin/pipenv install --deploy`,
			cache: '/root/.cache',
		};
	}
	if (has('Pipfile'))
		throw unlocked('Pipfile', 'Pipfile.lock', 'pipenv lock');
	if (requirements !== undefined) {
		const { roots, files } = requirements;
		return {
			...withPip,
			title: 'pip',
			by: roots.join(', '),
			files,
			command: `${PIP} install --no-compile ${roots.map((path) => `--requirement ${path}`).join(' ')}`,
		};
	}
	if (pyproject?.tool?.poetry?.dependencies !== undefined && pyproject.project?.dependencies === undefined) {
		throw unlocked('pyproject.toml', 'poetry.lock', 'poetry lock');
	}
	if (has('setup.py') || pyproject?.project?.dynamic?.includes('dependencies')) {
		throw new errors .yo('what the project depends on is known only when it is built', {
			hint: 'Write it down and commit it: "uv lock" makes a uv.lock, "uv pip compile" a requirements.txt.',
		});
	}
	if ((pyproject?.project?.dependencies?.length ?? 0) === 0)
		return undefined;
	return {
		...withUv,
		title: 'uv',
		by: 'pyproject.toml',
		tool: UV,
		files: ['pyproject.toml'],
		command: `${TOOLS}/bin/uv pip install --requirement pyproject.toml`,
	};
}
function unlocked(file, lock, command) {
	return new errors .yo(`${file} has no ${lock} beside it, so nobody knows which versions were tried`, {
		hint: `Run "${command}", and commit ${lock}.`,
	});
}
function refuseLocal(pyproject) {
	const { sources = {}, workspace } = pyproject?.tool?.uv ?? {};
	const [local] = Object.entries(sources).find(([, said]) => /"(?:path|workspace)":/.test(JSON.stringify(said))) ?? [];
	if (local === undefined && workspace === undefined)
		return;
	throw new errors .yo(local === undefined
		? 'a workspace of uv has several projects, and no Dockerfile is made for one of them yet'
		: `${local} comes from a folder of the repository, and no Dockerfile is made for that yet`, { hint: 'Write a Dockerfile: "uv sync --package NAME" installs one project of a workspace.' });
}
function python_installer_installLines(installer, inApp) {
	const { tool, files, command, cache } = installer;
	const folders = new Map();
	for (const file of files) {
		const folder = file.includes('/') ? `./${file.slice(0, file.lastIndexOf('/'))}/` : './';
		folders.set(folder, [...(folders.get(folder) ?? []), inApp(file)]);
	}
	const mount = `--mount=type=cache,target=${cache}`;
	return [
		...(tool === undefined
			? []
			: [
				run(`python3 -m venv ${TOOLS} && ${TOOLS}/bin/pip install ${shellWord(tool)}`, '--mount=type=cache,target=/root/.cache/pip', python_installer_SECRET),
			]),
		...[...folders].map(([folder, paths]) => copy(paths, folder)),
		run(command, mount, python_installer_SECRET),
		run(`python3 -m compileall -q -f --invalidation-mode unchecked-hash ${VENV} || true`),
	];
}
const python_installer_SECRET = '--mount=type=secret,id=netrc,target=/root/.netrc';
function shellWord(text) {
	return /^[\w.=]+$/.test(text) ? text : `'${text.replaceAll("'", '')}'`;
}
function packageLines(tree, project, installer) {
	if (!isPackage(tree, project))
		return [];
	const { package: install, cache } = installer ?? {
		package: `${PIP} install`,
		cache: '/root/.cache/pip',
	};
	const requires = project.pyproject?.['build-system']?.requires ?? [];
	return [
		...(requires.some((one) => /^(?:setuptools[-_]scm|hatch-vcs)/.test(one))
			? ['ENV SETUPTOOLS_SCM_PRETEND_VERSION=0.0.0']
			: []),
		run(`${install} --no-deps --target ${PROJECT} .`, `--mount=type=cache,target=${cache}`, python_installer_SECRET),
	];
}
;
const PLACES = /^(?:requirements(?:[-_.][\w-]+)?|[\w-]+[-_.]requirements|requirements\/[\w.-]+)\.txt$/;
const python_requirements_DEVELOPMENT = /(?:^|[-_./])(?:dev|devel|develop|development|test|tests|testing|lint|linting|docs?|ci|local|typing|types|mypy|style|format|build|tools|debug|staging|constraints?)(?=[-_.]|$)/;
const PRODUCTION = /(?:^|[-_./])(?:prod|production)(?=[-_.])/;
function findRequirements(tree) {
	const candidates = tree.paths.filter((path) => PLACES.test(path) && !python_requirements_DEVELOPMENT.test(path));
	const production = candidates.filter((path) => PRODUCTION.test(path));
	const chosen = production.length === 0 ? candidates : production;
	if (chosen.length === 0)
		return undefined;
	const read = new Map();
	for (const path of chosen)
		readAll(tree, path, read);
	const named = new Set([...read.values()].flatMap(({ includes }) => includes));
	return {
		roots: chosen.filter((path) => !named.has(path)),
		files: [...read.keys()].sort(),
		lines: [...read.values()].flatMap(({ lines }) => lines),
	};
}
function readAll(tree, path, read) {
	const text = tree.read(path);
	if (read.has(path) || text === undefined)
		return;
	const file = { lines: [], includes: [] };
	read.set(path, file);
	for (const line of linesOf(text)) {
		const include = /^(?:-r|-c|--requirement|--constraint)[\s=]*(\S+)/.exec(line)?.[1];
		if (include !== undefined) {
			const place = external_node_path_.posix.join(external_node_path_.posix.dirname(path), include);
			file.includes.push(place);
			readAll(tree, place, read);
		}
		else if (isLocal(line)) {
			throw new errors .yo(`${path} installs a folder of the repository: ${line}`, {
				hint: 'Then dependencies could not be installed before the source. Name what it needs in its place, or write a Dockerfile.',
			});
		}
		else if (!line.startsWith('-'))
			file.lines.push(line);
		else if (/^(?:-e|--editable)/.test(line))
			file.lines.push(line.replace(/^\S+?[\s=]+/, ''));
	}
}
function linesOf(text) {
	return text
		.replaceAll(/\\\r?\n/g, ' ')
		.split(/\r?\n/)
		.map((line) => line.replace(/(?:^|\s)#.*$/, '').trim())
		.filter((line) => line !== '');
}
function isLocal(line) {
	return /^(?:(?:-e|--editable)[\s=]+(?!\w+\+|\w+:\/\/)|\.{1,2}(?:\/|\[|$)|file:)/.test(line);
}
;
const python_app_FRAMEWORKS = [
	{ kind: 'asgi', names: ['FastAPI', 'Starlette', 'Litestar', 'Quart'] },
	{ kind: 'wsgi', names: ['Flask'] },
];
const MODULES = ['main', 'app', 'asgi', 'wsgi', 'application', 'server', 'api', 'web', 'run', '__init__'];
const ASIDE = /(?:^|\/)(?:tests?|docs?|examples?|scripts|migrations|alembic|node_modules|\.[^/]+)\//;
function findApp(tree) {
	const found = tree.paths
		.filter((path) => path.endsWith('.py') && !ASIDE.test(path) && !/(?:^|\/)(?:test_|conftest)/.test(path))
		.flatMap((path) => appIn(path, tree.read(path) ?? '') ?? []);
	const ranked = found
		.map((app) => ({ app, rank: rankOf(app) }))
		.sort((a, b) => a.rank - b.rank || (a.app.path < b.app.path ? -1 : 1));
	const [first, second] = ranked;
	if (first === undefined || first.rank !== second?.rank)
		return first?.app;
	throw new errors .yo(`there is an app in ${first.app.path}, and one in ${second.app.path}`, {
		hint: `Say which is started, as start of the template: start: ${exampleStart(first.app)}.`,
	});
}
function rankOf({ path, isFactory }) {
	const below = withoutSource(path);
	const at = MODULES.indexOf(external_node_path_.posix.basename(path, '.py'));
	const depth = below.split('/').length - (at === MODULES.length - 1 ? 1 : 0);
	return depth * 100 + (at === -1 ? MODULES.length : at) * 2 + Number(isFactory);
}
function appIn(path, text) {
	for (const { kind, names } of python_app_FRAMEWORKS) {
		for (const framework of names) {
			if (!new RegExp(`\\b${framework}\\b`).test(text) && !/\bcreate_app\b/.test(text))
				continue;
			const variable = new RegExp(`^(\\w+)[ \\t]*(?::[^=\\n]+)?=[ \\t]*(?:\\w+\\.)?${framework}\\(`, 'm').exec(text)?.[1];
			const common = { framework, kind, module: moduleOf(path), path };
			if (variable !== undefined)
				return { ...common, name: variable, isFactory: false };
			if (!new RegExp(`\\b${framework}\\(`).test(text))
				continue;
			const factory = /^def (create_app|make_app|build_app|get_app)\(/m.exec(text)?.[1];
			if (factory === undefined)
				continue;
			const called = new RegExp(`^(\\w+)[ \\t]*=[ \\t]*${factory}\\(`, 'm').exec(text)?.[1];
			return { ...common, name: called ?? factory, isFactory: called === undefined };
		}
	}
	return undefined;
}
function findDjango(tree, kind) {
	const path = tree.paths.find((one) => one.split('/').at(-1) === `${kind}.py` &&
		!ASIDE.test(one) &&
		/^application\s*=/m.test(tree.read(one) ?? ''));
	if (path === undefined)
		return undefined;
	return { framework: 'Django', kind, module: moduleOf(path), name: 'application', isFactory: false, path };
}
function moduleOf(path) {
	return withoutSource(path)
		.replace(/\.py$/, '')
		.replace(/\/__init__$/, '')
		.replaceAll('/', '.');
}
function withoutSource(path) {
	return path.replace(/^src\//, '');
}
function exampleStart({ kind, module, name }) {
	return kind === 'asgi'
		? `uvicorn ${module}:${name} --host 0.0.0.0 --port 8000`
		: `gunicorn ${module}:${name} --bind 0.0.0.0:8000`;
}
;
const python_start_PORT = 8000;
function python_start_startOf(look, { start }) {
	if (start !== undefined) {
		const words = typeof start === 'string' ? (0,shell_words .y)(start) : start;
		return { words: withoutRunner(words), by: 'start' };
	}
	const { tree } = look;
	const found = procfileStart(tree) ?? djangoStart(look) ?? appStart(look) ?? ownCommand(look) ?? fileStart(tree);
	if (found !== undefined)
		return found;
	const hasProcfile = tree.paths.includes('Procfile');
	throw new errors .yo(`nothing says how the app is started${hasProcfile ? ' without a shell' : ''}`, {
		hint: 'Write it as start of the template: start: python worker.py.',
	});
}
function procfileStart(tree) {
	const text = tree.read('Procfile') ?? '';
	for (const kind of ['web', 'worker']) {
		const line = new RegExp(`^${kind}:[ \\t]*(\\S.*)$`, 'm').exec(text)?.[1];
		const words = line && simpleWords(line.replaceAll(/\$(?:PORT\b|\{PORT(?::?-\d+)?\})/g, String(python_start_PORT)));
		if (!words)
			continue;
		const web = kind === 'web' ? { port: python_start_PORT, env: { PORT: String(python_start_PORT) } } : {};
		return { words: withoutRunner(words), by: `${kind} in Procfile`, ...web };
	}
	return undefined;
}
function simpleWords(line) {
	try {
		const words = (0,shell_words .y)(line);
		const isSimple = !/[$*?~]/.test(line) && !/^\w+=/.test(words[0] ?? '=') && words[0] !== 'cd';
		return isSimple ? words : undefined;
	}
	catch (error) {
		if (error instanceof errors .yo)
			return undefined;
		throw error;
	}
}
function withoutRunner(words) {
	return ['poetry', 'pipenv', 'uv'].includes(words[0] ?? '') && words[1] === 'run' ? words.slice(2) : words;
}
function djangoStart({ tree, dependencies }) {
	if (!tree.paths.includes('manage.py'))
		return undefined;
	const kind = dependencies.has('gunicorn') || !dependencies.has('uvicorn') ? 'wsgi' : 'asgi';
	const app = findDjango(tree, kind);
	return app && served(app, dependencies);
}
function appStart({ tree, dependencies }) {
	const app = findApp(tree);
	return app && served(app, dependencies);
}
function served(app, dependencies) {
	const { framework, kind, path } = app;
	const words = kind === 'asgi' ? asgiServer(app, dependencies) : wsgiServer(app, dependencies);
	if (words !== undefined)
		return { words, by: `${framework} in ${path}`, app, port: python_start_PORT };
	const server = kind === 'asgi' ? 'uvicorn' : 'gunicorn';
	throw new errors .yo(`${framework} (${path}) has no server that is meant for users`, {
		hint: `Add ${server} to the dependencies, or write start at the template.`,
	});
}
function asgiServer(app, dependencies) {
	const target = `${app.module}:${app.name}`;
	const extras = dependencies.get('fastapi') ?? [];
	if (dependencies.has('uvicorn') || extras.some((one) => one === 'standard' || one === 'all')) {
		return [
			'uvicorn',
			target,
			...(app.isFactory ? ['--factory'] : []),
			'--host=0.0.0.0',
			`--port=${python_start_PORT}`,
			'--forwarded-allow-ips=*',
		];
	}
	if (!dependencies.has('hypercorn'))
		return undefined;
	return ['hypercorn', app.isFactory ? `${target}()` : target, `--bind=0.0.0.0:${python_start_PORT}`];
}
function wsgiServer(app, dependencies) {
	const target = `${app.module}:${app.name}`;
	if (dependencies.has('gunicorn')) {
		return [
			'gunicorn',
			app.isFactory ? `${target}()` : target,
			`--bind=0.0.0.0:${python_start_PORT}`,
			'--threads=4',
			'--keep-alive=0',
			'--worker-tmp-dir=/dev/shm',
			'--forwarded-allow-ips=*',
		];
	}
	if (!dependencies.has('waitress'))
		return undefined;
	return ['waitress-serve', `--listen=0.0.0.0:${python_start_PORT}`, ...(app.isFactory ? ['--call'] : []), target];
}
function ownCommand({ tree, project }) {
	const scripts = scriptsOf(project);
	if (scripts.length === 0 || !isPackage(tree, project))
		return undefined;
	const name = scripts.length === 1 ? scripts[0] : scripts.find((one) => one === python_project_nameOf(project));
	if (name !== undefined)
		return { words: [name], by: 'scripts in pyproject.toml' };
	throw new errors .yo(`pyproject.toml has several commands: ${scripts.join(', ')}`, {
		hint: `Say which is started, as start of the template: start: ${scripts[0]}.`,
	});
}
const python_start_ENTRIES = ['main.py', 'app.py', 'server.py', 'worker.py', 'bot.py', 'run.py', '__main__.py'];
function fileStart(tree) {
	const entry = python_start_ENTRIES.flatMap((path) => [path, `src/${path}`]).find((path) => tree.paths.includes(path));
	if (entry !== undefined)
		return { words: ['python3', entry], by: entry };
	const packages = tree.paths.filter((path) => /^(?:src\/)?\w+\/__main__\.py$/.test(path));
	const [path] = packages;
	if (path === undefined || packages.length > 1)
		return undefined;
	return { words: ['python3', '-m', moduleOf(path).replace(/\.__main__$/, '')], by: path };
}
;
const COMPILER = ['gcc', 'libc6-dev'];
const NEEDS = {
	psycopg2: { build: [...COMPILER, 'libpq-dev'], run: ['libpq5'] },
	psycopg: { build: [], run: ['libpq5'] },
	mysqlclient: { build: [...COMPILER, 'pkg-config', 'libmariadb-dev'], run: ['libmariadb3'] },
	uwsgi: { build: COMPILER, run: [] },
};
function systemPackages(dependencies, lines) {
	const needed = Object.entries(NEEDS).flatMap(([name, packages]) => {
		const extras = dependencies.get(name);
		return extras === undefined || extras.includes('binary') ? [] : [packages];
	});
	const git = lines.some((line) => line.includes('git+')) ? ['git'] : [];
	const sorted = (all) => [...new Set(all)].sort();
	return {
		build: sorted([...git, ...needed.flatMap(({ build }) => build)]),
		run: sorted(needed.flatMap(({ run }) => run)),
	};
}
;
const VERSIONS = ['3.14', '3.13', '3.12', '3.11', '3.10', '3.15'];
function pythonVersion(tree, { pyproject, pipfile }, asked) {
	if (asked !== undefined)
		return { version: asked, by: 'version' };
	const pinned = tree
		.read('.python-version')
		?.split('\n')
		.map((line) => line.trim())
		.find((line) => line !== '' && !line.startsWith('#'));
	if (pinned !== undefined)
		return { version: python_version_named(pinned, '.python-version'), by: '.python-version' };
	const { python_full_version: full, python_version: short } = pipfile?.requires ?? {};
	const required = full ?? short;
	if (required !== undefined)
		return { version: python_version_named(String(required), 'Pipfile'), by: 'Pipfile' };
	const range = pyproject?.project?.['requires-python'] ?? pyproject?.tool?.poetry?.dependencies?.python;
	if (typeof range === 'string') {
		return { version: python_version_newest(range), by: 'requires-python in pyproject.toml' };
	}
	return { version: VERSIONS[0], by: 'since the folder names none' };
}
function python_version_named(said, path) {
	const version = /^(?:cpython-|python-)?(\d+\.\d+(?:\.\d+)?)$/.exec(said)?.[1];
	if (version !== undefined)
		return version;
	throw new errors .yo(`${path} says ${JSON.stringify(said)}, which is no version of Python`, {
		hint: 'Write a number, for example 3.14, there or as version of the template.',
	});
}
function python_version_newest(range) {
	const found = VERSIONS.find((version) => python_version_satisfies(version, range));
	const exact = /^={2,3}\s*(\d+\.\d+\.\d+)$/.exec(range.trim())?.[1];
	if (found !== undefined || exact !== undefined)
		return found ?? exact;
	throw new errors .yo(`no version of Python that is looked after is in ${JSON.stringify(range)}`, {
		hint: `Write one as version of the template, or ask for another one as requires-python: >=${VERSIONS.at(1)}.`,
	});
}
const LAST = 999;
function python_version_satisfies(version, range) {
	const [major = 0, minor = 0] = version.split('.').map(Number);
	return range.split('||').some((one) => one
		.split(',')
		.map((part) => part.trim())
		.filter((part) => part !== '' && part !== '*')
		.every((part) => isIn([major, minor, LAST], part)));
}
function isIn(version, part) {
	const [, sign = '', said = ''] = /^(~=|===?|!=|<=|>=|<|>|\^|~)?\s*v?(\d+(?:\.(?:\d+|\*))*)/.exec(part) ?? [];
	const parts = said.split('.').filter((one) => one !== '*');
	const isOpen = said.endsWith('*') || (sign === '' && parts.length < 3);
	const [major = 0, minor = 0, patch = 0] = parts.map(Number);
	const order = compare(version, [major, minor, patch]);
	const same = (count) => [major, minor, patch].slice(0, count).every((one, at) => one === version[at]);
	switch (sign) {
		case '>=':
			return order >= 0;
		case '>':
			return order > 0 && !(parts.length < 3 && same(parts.length));
		case '<=':
			return order <= 0;
		case '<':
			return order < 0;
		case '!=':
			return isOpen ? !same(parts.length) : order !== 0;
		case '^':
			return order >= 0 && same(1);
		case '~':
		case '~=':
			return order >= 0 && same(sign === '~=' ? parts.length - 1 : Math.min(parts.length, 2));
		case '==':
		case '===':
		case '':
			return isOpen ? same(parts.length) : order === 0;
		default:
			return false;
	}
}
function compare(a, b) {
	const at = a.findIndex((one, index) => one !== b[index]);
	return at === -1 ? 0 : a[at] - b[at];
}
;
const python_USER = '10001:10001';
const python = (tree, options) => {
	const look = lookAtPython(tree, options);
	const { installer, start, found } = look;
	const title = start.app?.framework ?? 'Python';
	return {
		dockerfile: dockerfile(installer === undefined ? title : `${title} with ${installer.title}`, [
			python_buildStage(look, options),
			python_resultStage(look, options),
		]),
		ignore: ignoreText(python_IGNORED),
		found,
	};
};
function lookAtPython(whole, { app = '.', ...options }) {
	const tree = below(whole, external_node_path_.posix.normalize(app));
	const project = readPythonProject(tree);
	const requirements = findRequirements(tree);
	const installer = installerFor(tree, project, requirements);
	const lines = requirements?.lines ?? [];
	const dependencies = python_project_dependenciesOf(project, lines);
	const { version, by } = pythonVersion(tree, project, options.version);
	const start = python_start_startOf({ tree, project, dependencies }, options);
	const system = systemPackages(dependencies, [
		...lines,
		...(project.pyproject?.project?.dependencies ?? []),
	]);
	const debian = [...new Set([...system.build, ...system.run])];
	const own = packageLines(tree, project, installer);
	const isInSource = tree.paths.some((path) => /^src\/.*\.py$/.test(path));
	const modules = own.length > 0 ? PROJECT : isInSource ? '/app/src' : undefined;
	return {
		image: `python:${version}-slim`,
		installer,
		system,
		start,
		own,
		modules: modules === undefined ? {} : { PYTHONPATH: modules },
		found: [
			options.base === undefined ? `Python ${version} (${by})` : `Python of ${options.base} (base)`,
			...(installer === undefined ? [] : [`${installer.title} (${installer.by})`]),
			...(debian.length === 0 ? [] : [`packages of Debian (${debian.join(', ')})`]),
			`${start.words.join(' ')} (${start.by})`,
		],
	};
}
function python_buildStage({ image, installer, system, own, modules }, { app = '.', base, builder, build }) {
	return [
		`FROM ${builder ?? base ?? image} AS build`,
		...debianPackages(system.build),
		`RUN python3 -m venv --without-pip ${VENV}`,
		...env({ VIRTUAL_ENV: VENV, ...installer?.env }),
		'WORKDIR /app',
		...(installer === undefined
			? []
			: python_installer_installLines(installer, (path) => inFolder(external_node_path_.posix.normalize(app), path))),
		copy([app], './'),
		...own,
		...(build === undefined ? [] : [pathLine(own), ...env(modules), run(build)]),
	];
}
function python_resultStage({ image, system, start, own, modules }, { base }) {
	return [
		`FROM ${base ?? image}`,
		...debianPackages(system.run),
		'WORKDIR /app',
		pathLine(own),
		...env({
			...modules,
			PYTHONUNBUFFERED: '1',
			PYTHONDONTWRITEBYTECODE: '1',
			HOME: '/tmp',
			...start.env,
		}),
		copy([VENV], VENV, '--from=build'),
		...(own.length > 0 ? [copy([PROJECT], PROJECT, '--from=build')] : []),
		copy(['/app'], './', '--from=build'),
		`USER ${python_USER}`,
		...(start.port === undefined ? [] : [`EXPOSE ${start.port}`]),
		'STOPSIGNAL SIGTERM',
		`CMD ${execForm(start.words)}`,
	];
}
function pathLine(own) {
	return `ENV PATH=${own.length > 0 ? `${PROJECT}/bin:` : ''}${VENV}/bin:$PATH`;
}
function below({ paths, read }, folder) {
	if (folder === '.')
		return { paths, read };
	const prefix = `${folder}/`;
	return {
		paths: paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)),
		read: (path) => read(`${prefix}${path}`),
	};
}
function debianPackages(names) {
	if (names.length === 0)
		return [];
	return [
		run(`apt-get update && apt-get install --yes --no-install-recommends ${names.join(' ')} && rm -rf /var/lib/apt/lists/*`),
	];
}
const python_IGNORED = [
	'**/__pycache__',
	'**/*.py[cod]',
	'**/.venv',
	'**/venv',
	'**/*.egg-info',
	'**/.pytest_cache',
	'**/.mypy_cache',
	'**/.ruff_cache',
	'.tox',
	'.nox',
	'.coverage*',
	'htmlcov',
	'dist',
];
;
const TEMPLATES = { node: node, python: python, static: site };
function generateDockerfile(tree, { name, ...options }) {
	if (name !== 'auto')
		return TEMPLATES[name](tree, options);
	const { name: found, by } = detectTemplate(tree, options);
	const generated = TEMPLATES[found](tree, options);
	return { ...generated, found: [`template ${found} (${by})`, ...generated.found] };
}
;
async function makeDockerfile(service, template, { context, rules }) {
	const tree = await readTree(context, rules);
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
	const here = { folder, root: rootOf(place), url: undefined };
	const source = spec.git && (await fetchFor(spec, spec.git, place));
	const home = source === undefined ? here : groundOf(source);
	const context = folderInside(spec, spec.context, home);
	const { dockerfile, text, rules, template } = await dockerfileOf(spec, context, home);
	const { images, lineOf } = readDockerfile(text, spec.args);
	const named = await Promise.all(Object.entries(spec.contexts).map(async ([name, where]) => {
		if (typeof where === 'string' && where.startsWith(IMAGE))
			return { name, image: where, isHere: false };
		const other = typeof where === 'string' ? undefined : await fetchFor(spec, where, place);
		const ground = other === undefined ? here : groundOf(other);
		const path = folderInside(spec, typeof where === 'string' ? where : where.folder, ground);
		return { name, path, other, isHere: other === undefined };
	}));
	const bases = [
		...images.filter((image) => !Object.hasOwn(spec.contexts, image)),
		...named.flatMap(({ image }) => image?.slice(IMAGE.length) ?? []),
	];
	const folders = named.flatMap(({ name, path, isHere }) => path === undefined ? [] : [{ name, path, isHere }]);
	const [entries, others, digests] = await Promise.all([
		readContext(context, rules),
		Promise.all(folders.map(async ({ name, path }) => [name, await readContext(path, NOTHING)])),
		Promise.all(bases.map(async (image) => [image, await digestOf(image)])),
	]);
	const parts = contentParts({
		spec,
		dockerfile: text,
		context: entries,
		contexts: Object.fromEntries(others),
		images: Object.fromEntries(digests),
		platform,
	});
	const isFileHere = 'path' in dockerfile && home === here;
	return {
		spec,
		source,
		copiedFrom: named.flatMap(({ other }) => other ?? []),
		context,
		dockerfile,
		...(template && { template }),
		contexts: Object.fromEntries(named.map(({ name, image, path }) => [name, image ?? path])),
		hash: contentHash(parts),
		parts,
		changed: changedIn(checkout, {
			folders: [
				...(home === here ? [{ path: context, rules }] : []),
				...folders.filter(({ isHere }) => isHere).map(({ path }) => ({ path, rules: NOTHING })),
			],
			file: isFileHere ? dockerfile.path : undefined,
		}),
		file: isFileHere ? (0,external_node_path_.relative)(workspace, (0,external_node_path_.resolve)(folder, pathOf(spec))) : undefined,
		lineOf,
		findings: template === undefined && home === here ? lintDockerfile(text, lintOptions(spec)) : [],
	};
}
function lintOptions({ args, target, contexts }) {
	return { args, target, contexts: Object.keys(contexts) };
}
async function dockerfileOf(spec, context, ground) {
	const rulesOf = (dockerfile) => readIgnoreRules(spec.service, context, dockerfile, (path) => checkInside(spec, path, (0,external_node_path_.relative)(ground.root, path), ground));
	if ('template' in spec.dockerfile) {
		const rules = await rulesOf(undefined);
		const template = await makeDockerfile(spec.service, spec.dockerfile.template, { context, rules });
		const { dockerfile: text, ignore } = template;
		const made = ignore === undefined ? rules : parseIgnore(ignore);
		return { dockerfile: { text }, text, rules: made, template };
	}
	if ('text' in spec.dockerfile) {
		const { text } = spec.dockerfile;
		return { dockerfile: spec.dockerfile, text, rules: await rulesOf(undefined) };
	}
	const path = fileInside(spec, spec.dockerfile.path, ground);
	const text = await (0,promises_.readFile)(path, 'utf8');
	return { dockerfile: { path }, text, rules: await rulesOf(path) };
}
function groundOf({ root, url }) {
	return { folder: root, root, url };
}
async function fetchFor({ service }, source, place) {
	try {
		return await place.fetch(source);
	}
	catch (error) {
		if (!(error instanceof errors .yo))
			throw error;
		const { hint } = error;
		throw new errors .yo(`${service}: ${error.message}`, { ...(hint && { hint }), cause: error });
	}
}
const IMAGE = 'docker-image://';
function pathOf({ dockerfile }) {
	return 'path' in dockerfile ? dockerfile.path : '';
}
function folderInside(spec, path, ground) {
	const place = realInside(spec, path, ground, 'folder');
	if ((0,external_node_fs_.statSync)(place).isDirectory())
		return place;
	throw new errors .yo(`${spec.service}: ${path}, which is to be built, is no folder`, {
		hint: 'Write the folder with the Dockerfile: build: ./api.',
	});
}
function fileInside(spec, path, ground) {
	const place = realInside(spec, path, ground, 'Dockerfile');
	if ((0,external_node_fs_.statSync)(place).isFile())
		return place;
	throw new errors .yo(`${spec.service}: ${path} is no file`, {
		hint: 'Write the path of the Dockerfile, from the context, as dockerfile.',
	});
}
function realInside(spec, path, ground, what) {
	const place = (0,external_node_path_.resolve)(ground.folder, path);
	if ((0,external_node_fs_.existsSync)(place))
		return checkInside(spec, place, path, ground);
	const { service } = spec;
	if (ground.url !== undefined) {
		throw new errors .yo(`${service}: there is no ${what} ${path} in ${ground.url}`, {
			hint: 'The context counts from the top of that repository, a Dockerfile from the context. Is it in the version that git names?',
		});
	}
	throw new errors .yo(`${service}: there is no ${what} ${path}`, {
		hint: what === 'Dockerfile'
			? 'Write template: auto below build, and one is made. Or name yours as dockerfile, from the context. Is it in git?'
			: 'Paths count from the folder of the configuration, that of a Dockerfile from its context. Is it in git, and is the repository checked out?',
	});
}
function checkInside({ service }, place, path, { root }) {
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
	const { folder, log } = place;
	const workspace = (0,external_node_fs_.realpathSync)(place.workspace);
	const made = await (0,fleet .i)(builds.flatMap((spec) => {
		if (!('template' in spec.dockerfile) || spec.git !== undefined)
			return [];
		const { service } = spec;
		const { template } = spec.dockerfile;
		const context = folderInside(spec, spec.context, { folder, root: rootOf(place), url: undefined });
		const file = (0,external_node_path_.join)(context, 'Dockerfile');
		if ((0,external_node_fs_.existsSync)(file)) {
			const shown = (0,external_node_path_.relative)(workspace, file);
			throw new errors .yo(`${service}: ${shown} is there already, and is left as it is`, {
				hint: 'Remove template from its build, and it is used; or remove the file.',
			});
		}
		const made = async () => {
			const rules = await readIgnoreRules(service, context, undefined);
			return { service, context, ...(await makeDockerfile(service, template, { context, rules })) };
		};
		return [made()];
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
var full_disk = __webpack_require__(3165);
var cache_folder = __webpack_require__(5312);
var git_source = __webpack_require__(3343);
var bare_repository = __webpack_require__(7527);
;
function fetchFailure(call, stderr, id) {
	if (id !== undefined && /not our ref|unknown (?:ref|object)/i.test(stderr))
		return noCommit(call.url, id);
	const { what, hint } = explain(call, stderr);
	const said = saying(stderr, call.secrets);
	return new errors .yo(`${call.url} could not be read: ${what}${said === '' ? '' : `\n${said}`}`, { hint });
}
function noCommit(url, id) {
	return new errors .yo(`${url} has no commit ${id}`, {
		hint: 'Is it pushed there, and was its branch not removed since? git ls-remote shows the branches and tags.',
	});
}
const CAUSES = [
	[
		/Host key verification failed|REMOTE HOST IDENTIFICATION HAS CHANGED|No \S+ host key is known/i,
		({ url }) => ({
			what: `the host key of ${(0,git_source .w4)(url)} is not known`,
			hint: `Compare what "ssh-keyscan ${sshHost(url)}" prints with what the server's owner publishes, and give that line as the input git-known-hosts.`,
		}),
	],
	[
		/Permission denied|Too many authentication failures|error in libcrypto|invalid format|incorrect passphrase/i,
		({ hasCredentials }) => ({
			what: hasCredentials ? 'the key is not accepted' : 'it wants a key',
			hint: hasCredentials
				? 'Is git-ssh-key a whole private key without a passphrase, and may it read this repository (a deploy key is for one)?'
				: 'Give a private key that may read it as the input git-ssh-key. A secret that is not set is empty.',
		}),
	],
	[
		/error: 30\d|redirect/i,
		() => ({
			what: 'it answers from another address, to which no token is sent',
			hint: 'It may have been renamed: open it in a browser, and write the address that it has now.',
		}),
	],
	[
		/error: 40[13]|Authentication failed|could not read (?:Username|Password)|terminal prompts disabled|HTTP Basic: Access denied/i,
		({ url, hasCredentials }) => ({
			what: hasCredentials ? 'the token is not accepted' : 'it wants a token',
			hint: hasCredentials
				? `Has git-token not expired, and may it read the contents of this repository? Where ${(0,git_source .w4)(url)} wants a name as well, give name:token.`
				: `Give a token for ${(0,git_source .w4)(url)} that may read it as the input git-token. A secret that is not set is empty.`,
		}),
	],
	[
		/error: 404|not found|does not appear to be a git repository|does not exist|could not be found|not exported/i,
		({ url, hasCredentials }) => ({
			what: 'there is no repository',
			hint: hasCredentials
				? 'Check its address. Servers also say so when the token or key may not see it.'
				: `Check its address. Servers also say so of what only some may see: give the input ${(0,git_source .BC)(url) ? 'git-ssh-key' : 'git-token'}.`,
		}),
	],
	[
		/certificate|SSL|TLS/i,
		({ url }) => ({
			what: `the certificate of ${(0,git_source .w4)(url)} cannot be checked`,
			hint: 'If it is from a certificate authority of your own, name that on the runner: git config --global http.sslCAInfo <file>.',
		}),
	],
	[
		/protocol .* not supported|transport '.*' not allowed/i,
		() => ({
			what: 'its protocol is none that git speaks here',
			hint: 'Write an address with https:// or for SSH.',
		}),
	],
	[
		/No space left/i,
		() => ({
			what: 'the disk of the runner is full',
			hint: 'Remove what earlier runs have left there, for example ~/.cache/switchyard.',
		}),
	],
];
const AWAY = {
	what: 'it cannot be reached',
	hint: 'Is the address right, and does the server run? If both are so, run again.',
};
function explain(call, stderr) {
	const cause = CAUSES.find(([pattern]) => pattern.test(stderr));
	return cause === undefined ? AWAY : cause[1](call);
}
function sshHost(url) {
	const [, name = '', port] = /^(.*?)(?::(\d+))?$/.exec((0,git_source .w4)(url)) ?? [];
	return port === undefined ? name : `-p ${port} ${name}`;
}
function saying(stderr, secrets) {
	return secrets
		.reduce((clean, secret) => clean.replaceAll(secret, '***'), stderr)
		.split(/\r?\n/)
		.map((line) => line.trim())
		.filter((line) => line !== '' && !/^(?:hint:|@|Please make sure|and the repository exists)/.test(line))
		.slice(0, 8)
		.join('\n');
}
var external_node_child_process_ = __webpack_require__(1421);
var consumers_ = __webpack_require__(8321);
var run_git = __webpack_require__(2332);
;
async function runGitUntil(args, { cwd, env, signal }) {
	signal.throwIfAborted();
	const child = (0,external_node_child_process_.spawn)('git', args, { cwd, env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
	const ended = new Promise((resolve, reject) => {
		child.on('error', (error) => {
			reject(signal.aborted ? signal.reason : error.code === 'ENOENT' ? (0,run_git .X)(error) : error);
		});
		child.on('close', (code) => (signal.aborted ? reject(signal.reason) : resolve(code ?? 1)));
	});
	const [exitCode, stdout, stderr] = await Promise.all([ended, (0,consumers_.buffer)(child.stdout), (0,consumers_.text)(child.stderr)]);
	return { exitCode, stdout, stderr };
}
;
const VERSION_REF = 'refs/switchyard/version';
const EARLIER_REF = 'refs/switchyard/earlier';
async function fetchVersion(request, transport, signal) {
	const { url, id, gitDir, earlier } = request;
	const { env, secrets, hasCredentials } = transport.connectionTo(url);
	const git = async (...args) => await runGitUntil(args, { cwd: gitDir, env: { ...env, GIT_DIR: gitDir }, signal });
	const objectFormat = id.length === 64 ? 'sha256' : 'sha1';
	await (0,bare_repository .f)(gitDir, objectFormat);
	const fetch = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--no-auto-maintenance'];
	const shallow = () => git(...fetch, '--depth=1', '--', url, `+${id}:${VERSION_REF}`);
	if (earlier !== undefined) {
		await borrow(gitDir, earlier);
		if ((await shallow()).exitCode === 0 && (await keepOwn(git, gitDir)))
			return;
		await (0,promises_.rm)(gitDir, { recursive: true });
		await (0,bare_repository .f)(gitDir, objectFormat);
	}
	const first = await shallow();
	if (first.exitCode === 0)
		return;
	const call = { url, hasCredentials, secrets };
	if (!GIVES_NO_COMMIT.test(first.stderr))
		throw fetchFailure(call, first.stderr, id);
	const all = await git(...fetch, '--', url, ...['heads', 'tags'].map((kind) => `+refs/${kind}/*:refs/all/${kind}/*`));
	if (all.exitCode !== 0)
		throw fetchFailure(call, all.stderr, id);
	const named = await git('update-ref', VERSION_REF, id);
	if (named.exitCode !== 0)
		throw noCommit(url, id);
}
const GIVES_NO_COMMIT = /unadvertised object|dumb http transport does not support|want [0-9a-f]+ not valid/i;
async function borrow(gitDir, earlier) {
	const shallow = await (0,promises_.readFile)((0,external_node_path_.join)(earlier.gitDir, 'shallow')).catch(() => undefined);
	if (shallow !== undefined)
		await (0,promises_.writeFile)((0,external_node_path_.join)(gitDir, 'shallow'), shallow);
	await (0,promises_.mkdir)((0,external_node_path_.join)(gitDir, 'objects', 'info'), { recursive: true });
	await (0,promises_.writeFile)(alternatesOf(gitDir), `${(0,external_node_path_.join)(earlier.gitDir, 'objects')}\n`);
	await (0,promises_.mkdir)((0,external_node_path_.join)(gitDir, 'refs', 'switchyard'), { recursive: true });
	await (0,promises_.writeFile)((0,external_node_path_.join)(gitDir, EARLIER_REF), `${earlier.id}\n`);
}
async function keepOwn(git, gitDir) {
	await (0,promises_.rm)((0,external_node_path_.join)(gitDir, EARLIER_REF));
	const repacked = await git('repack', '-a', '-d', '--quiet');
	const commit = await git('rev-parse', '--verify', `${VERSION_REF}^{commit}`);
	await (0,promises_.rm)(alternatesOf(gitDir));
	await (0,promises_.writeFile)((0,external_node_path_.join)(gitDir, 'shallow'), commit.stdout);
	return repacked.exitCode === 0 && commit.exitCode === 0;
}
function alternatesOf(gitDir) {
	return (0,external_node_path_.join)(gitDir, 'objects', 'info', 'alternates');
}
var configuration = __webpack_require__(6094);
;
function parseSubmodules(listing) {
	const byName = new Map();
	for (const { key, value } of (0,configuration .P$)(listing)) {
		const [, name, variable] = /^submodule\.(.+)\.(path|url)$/s.exec(key) ?? [];
		if (name !== undefined)
			byName.set(name, { ...byName.get(name), [variable]: value });
	}
	return [...byName.values()].filter((one) => one.path !== undefined && one.url !== undefined);
}
function submoduleAddress(url, parent, hasKey) {
	const address = /^\.\.?\//.test(url) ? relativeTo(parent, url) : url;
	if (hasKey || (0,git_source .BC)(parent) || !URL.canParse(parent))
		return address;
	const { host, hostname, protocol } = new URL(parent);
	const [, scpHost, scpPath] = /^[^/@:]+@([^/:@]+):(?!\/\/)\/?(.+)$/.exec(address) ?? [];
	if (scpHost === hostname)
		return `${protocol}//${host}/${scpPath}`;
	const [, sshHost, sshPath] = /^ssh:\/\/(?:[^/@]+@)?([^/:@]+)(?::\d+)?\/(.+)$/.exec(address) ?? [];
	return sshHost === hostname ? `${protocol}//${host}/${sshPath}` : address;
}
function relativeTo(parent, url) {
	const [, start = '', path = ''] = /^([a-z][\w+.-]*:\/\/[^/]+\/|[^/:]+:)(.*)$/i.exec(parent) ?? [];
	const parts = path.replace(/\/+$/, '').split('/');
	for (const part of url.replace(/\/+$/, '').split('/')) {
		if (part === '..')
			parts.pop();
		else if (part !== '.')
			parts.push(part);
	}
	return `${start}${parts.join('/')}`;
}
function checkSubmodulePath(path) {
	const parts = path.split('/');
	if (!parts.some((part) => part === '' || part === '.' || part === '..' || /^\.git$/i.test(part)))
		return;
	throw new errors .yo(`it has a submodule at ${JSON.stringify(path)}, which is no place for one`);
}
;
async function checkOut({ url, gitDir, folder, temporary }, transport, signal) {
	const scratch = await (0,promises_.mkdtemp)((0,external_node_path_.join)(temporary, 'index-'));
	try {
		const env = {
			...transport.local,
			GIT_DIR: gitDir,
			GIT_WORK_TREE: folder,
			GIT_INDEX_FILE: (0,external_node_path_.join)(scratch, 'index'),
		};
		const git = async (...args) => {
			const { exitCode, stdout, stderr } = await runGitUntil(args, { cwd: folder, env, signal });
			return { isDone: exitCode === 0, stdout: stdout.toString(), stderr };
		};
		const told = await git('log', '-1', '--no-show-signature', '--format=%H %ct', VERSION_REF, '--');
		const [, commit, time] = /^([0-9a-f]{40,64}) (\d+)/.exec(told.stdout) ?? [];
		if (commit === undefined)
			throw new errors .yo(`${url} has no commit there`, NO_COMMIT);
		const { isDone, stderr } = await git('read-tree', '--reset', '-u', commit);
		if (!isDone)
			throw new errors .yo(`${url} could not be checked out: ${stderr.trim()}`, NOT_CHECKED_OUT);
		const mentions = await (0,promises_.lstat)((0,external_node_path_.join)(folder, '.gitmodules')).catch(() => undefined);
		if (!mentions?.isFile())
			return { commit, committedAt: Number(time), submodules: [] };
		const { stdout: listing } = await git('config', '--blob', `${commit}:.gitmodules`, '--list', '--null');
		const known = parseSubmodules(listing);
		if (known.length === 0)
			return { commit, committedAt: Number(time), submodules: [] };
		const paths = known.map(({ path }) => path);
		const { stdout: entries } = await git('ls-tree', '-z', '--full-tree', commit, '--', ...paths);
		const commits = new Map(entries.split('\0').flatMap((entry) => {
			const [, id = '', path = ''] = /^160000 commit ([0-9a-f]+)\t(.*)$/s.exec(entry) ?? [];
			return path === '' ? [] : [[path, id]];
		}));
		const submodules = known.flatMap((one) => {
			const id = commits.get(one.path);
			return id === undefined ? [] : [{ ...one, commit: id }];
		});
		return { commit, committedAt: Number(time), submodules };
	}
	finally {
		await (0,promises_.rm)(scratch, { recursive: true, force: true });
	}
}
const NO_COMMIT = { hint: 'A tag can also lead to a file or a tree: write one that leads to a commit.' };
const NOT_CHECKED_OUT = {
	hint: 'git refuses paths by which a repository could write outside of its folder: they have to go there, or write another version.',
};
async function submoduleFolder(top, path) {
	checkSubmodulePath(path);
	let place = top;
	for (const part of path.split('/')) {
		place = (0,external_node_path_.join)(place, part);
		await (0,promises_.mkdir)(place).catch(() => undefined);
		if (!(await (0,promises_.lstat)(place)).isDirectory()) {
			throw new errors .yo(`it has a submodule at ${JSON.stringify(path)}, where a file or a link is`);
		}
	}
	return place;
}
;
function refPatterns(ref) {
	if (ref === undefined)
		return ['HEAD'];
	return ref.startsWith('refs/') ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
}
function findVersion({ url, ref }, listing) {
	const ids = new Map(listing.split('\n').flatMap((line) => {
		const [, id, name] = /^([0-9a-f]{40,64})\t(.+)$/.exec(line) ?? [];
		return id === undefined || name === undefined ? [] : [[name, id]];
	}));
	const found = refPatterns(ref).flatMap((name) => {
		const id = ids.get(name);
		return id === undefined ? [] : [{ id, name: remote_refs_nameOf(name) }];
	});
	const [first, second] = found;
	if (first === undefined)
		throw noVersion(url, ref);
	if (second === undefined || second.id === first.id)
		return first;
	throw new errors .yo(`${url} has both a branch and a tag ${ref}`, {
		hint: `Write which one is meant: refs/heads/${ref} or refs/tags/${ref}.`,
	});
}
function remote_refs_nameOf(name) {
	if (name === 'HEAD')
		return 'the default branch';
	const [, kind, short] = /^refs\/(heads|tags)\/(.+)$/.exec(name) ?? [];
	return kind === undefined ? name : `${kind === 'heads' ? 'branch' : 'tag'} ${short}`;
}
function noVersion(url, ref) {
	if (ref === undefined) {
		return new errors .yo(`${url} has nothing that it shows first`, {
			hint: 'Is it empty? Push a commit there, or write the branch.',
		});
	}
	const isShort = /^[0-9a-f]{7,39}$/.test(ref);
	return new errors .yo(`${url} has neither a branch nor a tag ${ref}`, {
		hint: isShort
			? 'If it is a commit, write all of its 40 digits: git servers know no others.'
			: 'Look at it with git ls-remote. Names of branches and tags differ in upper and lower case.',
	});
}
;
const KEPT = 3;
const IN_USE_MS = 60 * 60 * 1000;
const UNUSED_MS = 30 * 24 * 60 * 60 * 1000;
const UNFINISHED = '.new-';
class SourceCache {
	#folder;
	constructor(folder) {
		this.#folder = folder;
	}
	async find(url, id) {
		const place = (0,external_node_path_.join)(this.#folderOf(url), id);
		const now = new Date();
		try {
			await (0,promises_.utimes)(place, now, now);
			return place;
		}
		catch {
			return undefined;
		}
	}
	async newest(url) {
		const [first] = await versionsIn(this.#folderOf(url));
		return first && { id: first.name, gitDir: first.place };
	}
	async begin(url) {
		const folder = this.#folderOf(url);
		await (0,promises_.mkdir)(folder, { recursive: true, mode: 0o700 });
		return await (0,promises_.mkdtemp)((0,external_node_path_.join)(folder, UNFINISHED));
	}
	async keep(url, id, fetched) {
		const place = (0,external_node_path_.join)(this.#folderOf(url), id);
		try {
			await (0,promises_.rename)(fetched, place);
		}
		catch (error) {
			if ((await this.find(url, id)) === undefined)
				throw error;
			await (0,promises_.rm)(fetched, { recursive: true, force: true });
		}
		return place;
	}
	async sweep(now) {
		for (const name of await namesIn(this.#folder)) {
			const folder = (0,external_node_path_.join)(this.#folder, name);
			const versions = await versionsIn(folder);
			const gone = versions.filter(({ usedAt }, index) => {
				const unusedMs = now.getTime() - usedAt.getTime();
				return unusedMs > UNUSED_MS || (index >= KEPT && unusedMs > IN_USE_MS);
			});
			const unfinished = await unfinishedIn(folder, now);
			for (const place of [...gone.map((one) => one.place), ...unfinished]) {
				await (0,promises_.rm)(place, { recursive: true, force: true });
			}
		}
	}
	#folderOf(url) {
		return (0,external_node_path_.join)(this.#folder, (0,external_node_crypto_.createHash)('sha256').update(url).digest('hex'));
	}
}
async function versionsIn(folder) {
	const names = (await namesIn(folder)).filter((name) => !name.startsWith(UNFINISHED));
	const versions = await datesOf(folder, names);
	return versions.sort((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
}
async function unfinishedIn(folder, now) {
	const names = (await namesIn(folder)).filter((name) => name.startsWith(UNFINISHED));
	const all = await datesOf(folder, names);
	return all.filter(({ usedAt }) => now.getTime() - usedAt.getTime() > IN_USE_MS).map(({ place }) => place);
}
async function datesOf(folder, names) {
	const found = await Promise.all(names.map(async (name) => {
		const place = (0,external_node_path_.join)(folder, name);
		const { mtime } = (await (0,promises_.stat)(place).catch(() => undefined)) ?? {};
		return mtime === undefined ? [] : [{ name, place, usedAt: mtime }];
	}));
	return found.flat();
}
async function namesIn(folder) {
	return await (0,promises_.readdir)(folder).catch(() => []);
}
var git_authorization = __webpack_require__(3445);
var environment = __webpack_require__(873);
;
const PUBLISHED = [
	{
		hosts: 'github.com,[ssh.github.com]:443',
		key: 'AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
	},
	{
		hosts: 'gitlab.com,[altssh.gitlab.com]:443',
		key: 'AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf',
	},
	{
		hosts: 'bitbucket.org,[altssh.bitbucket.org]:443',
		key: 'AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO',
	},
	{
		hosts: 'codeberg.org',
		key: 'AAAAC3NzaC1lZDI1NTE5AAAAIIVIC02vnjFyL+I4RHfvIGNtOgJMe769VTF1VR4EB3ZB',
	},
];
function knownHosts(given) {
	const published = PUBLISHED.map(({ hosts, key }) => `${hosts} ssh-ed25519 ${key}`);
	const more = (given ?? '').split(/\r?\n/).filter((line) => line.trim() !== '');
	return `${[...published, ...more].join('\n')}\n`;
}
var remote = __webpack_require__(5716);
var witness = __webpack_require__(959);
;
const UNWANTED = /^(?:INPUT_|GIT_TRACE|GIT_CURL_VERBOSE$|GIT_SSH|GIT_ASKPASS$|SSH_ASKPASS|GIT_TEMPLATE_DIR$)/;
const ISOLATED = {
	GIT_CONFIG_NOSYSTEM: '1',
	GIT_CONFIG_GLOBAL: '/dev/null',
	GIT_ATTR_NOSYSTEM: '1',
	GIT_LITERAL_PATHSPECS: '1',
};
const LOCAL_SETTINGS = [
	{ key: 'core.hooksPath', value: '/dev/null' },
	{ key: 'core.fsmonitor', value: 'false' },
	{ key: 'core.autocrlf', value: 'false' },
	{ key: 'core.symlinks', value: 'true' },
	{ key: 'core.fsync', value: 'none' },
	{ key: 'core.logAllRefUpdates', value: 'false' },
	{ key: 'fetch.unpackLimit', value: '1' },
	{ key: 'fetch.recurseSubmodules', value: 'false' },
	{ key: 'fetch.writeCommitGraph', value: 'false' },
	{ key: 'gc.auto', value: '0' },
	{ key: 'maintenance.auto', value: 'false' },
	{ key: 'http.lowSpeedLimit', value: '1000' },
	{ key: 'http.lowSpeedTime', value: '30' },
];
async function openTransport(credentials, { folder, env }) {
	const quiet = (0,environment ._j)((0,environment .oB)(env));
	const kept = Object.fromEntries(Object.entries(quiet).filter(([name]) => !UNWANTED.test(name)));
	const listed = await (0,run_git .E)(['config', '--list', '--null', '--includes'], {
		cwd: folder,
		env: (0,environment .GY)(kept, [witness .y]),
	});
	const all = (0,configuration .P$)(listed.stdout.toString());
	(0,witness .J)(all);
	const settings = (0,configuration .ne)(all, undefined, '');
	const ssh = await sshEnvironment(credentials, (0,external_node_path_.join)(folder, 'ssh'));
	const isolated = { ...kept, ...ISOLATED };
	return {
		credentials,
		local: (0,environment .GY)(isolated, LOCAL_SETTINGS),
		connectionTo(url) {
			if ((0,git_source .BC)(url)) {
				const reached = { ...isolated, ...ssh, GIT_ALLOW_PROTOCOL: 'ssh' };
				return {
					env: (0,environment .GY)(reached, [...settings, ...LOCAL_SETTINGS]),
					secrets: [],
					hasCredentials: credentials.sshKey !== undefined,
				};
			}
			const token = (0,git_source .FX)(url) ? credentials.tokens.get((0,git_source .w4)(url)) : undefined;
			const authorization = token === undefined ? undefined : authorizationOf(url, token);
			const web = [
				...settings,
				...LOCAL_SETTINGS,
				{ key: `http.${url}.followRedirects`, value: authorization === undefined ? 'initial' : 'false' },
				...(0,git_authorization .D)({ url, user: undefined, authorization }),
			];
			const protocols = url.startsWith('https:') ? 'https' : 'http:https';
			const reached = { ...isolated, GIT_ALLOW_PROTOCOL: protocols };
			return {
				env: (0,environment .GY)(reached, web),
				secrets: authorization === undefined ? [] : (0,git_authorization .F)(authorization),
				hasCredentials: authorization !== undefined,
			};
		},
	};
}
const NAMES = { 'bitbucket.org': 'x-token-auth' };
function authorizationOf(url, token) {
	const [, name = NAMES[(0,git_source .w4)(url)] ?? 'x-access-token', password = ''] = /^(?:([^:]*):)?(.*)$/s.exec(token) ?? [];
	return (0,remote .H)(name, password);
}
const SSH_COMMAND = [
	'ssh',
	'-o BatchMode=yes',
	'-o StrictHostKeyChecking=yes',
	'-o UpdateHostKeys=no',
	'-o ConnectTimeout=20',
	'-o ServerAliveInterval=15',
	'-o "UserKnownHostsFile=\\"$SWITCHYARD_GIT_KNOWN_HOSTS\\" ~/.ssh/known_hosts ~/.ssh/known_hosts2"',
].join(' ');
const SSH_COMMAND_WITH_KEY = `${SSH_COMMAND} -F /dev/null -o IdentitiesOnly=yes -o IdentityAgent=none -o "IdentityFile=\\"$SWITCHYARD_GIT_KEY\\""`;
async function sshEnvironment({ sshKey, knownHosts: given }, folder) {
	await (0,promises_.mkdir)(folder, { mode: 0o700 });
	const hosts = (0,external_node_path_.join)(folder, 'known_hosts');
	await (0,promises_.writeFile)(hosts, knownHosts(given), { mode: 0o600 });
	const common = { GIT_SSH_VARIANT: 'ssh', SWITCHYARD_GIT_KNOWN_HOSTS: quoted(hosts) };
	if (sshKey === undefined)
		return { ...common, GIT_SSH_COMMAND: SSH_COMMAND };
	const key = (0,external_node_path_.join)(folder, 'key');
	await (0,promises_.writeFile)(key, `${sshKey.replaceAll('\r\n', '\n').trim()}\n`, { mode: 0o600 });
	await (0,promises_.chmod)(key, 0o600);
	return { ...common, GIT_SSH_COMMAND: SSH_COMMAND_WITH_KEY, SWITCHYARD_GIT_KEY: quoted(key) };
}
function quoted(path) {
	return path.replaceAll(/["\\]/g, '\\$&').replaceAll('%', '%%');
}
;
const MOST_LEVELS = 10;
async function withSources(surroundings, work) {
	const { credentials, env, temporary } = surroundings;
	await (0,promises_.mkdir)(temporary, { recursive: true });
	const folder = await (0,promises_.realpath)(await (0,promises_.mkdtemp)((0,external_node_path_.join)(temporary, 'switchyard-sources-')));
	const cache = new SourceCache((0,cache_folder .n)(env, 'git'));
	try {
		const transport = await openTransport(credentials, { folder, env });
		const sources = new Sources(surroundings, { folder, cache, transport });
		return await work((source) => sources.fetch(source));
	}
	finally {
		await (0,promises_.rm)(folder, { recursive: true, force: true });
		await cache.sweep(new Date());
	}
}
class Sources {
	#signal;
	#warn;
	#folder;
	#cache;
	#transport;
	#fetched = new Map();
	#repositories = new Map();
	constructor({ signal, warn }, place) {
		this.#signal = signal;
		this.#warn = warn;
		this.#folder = place.folder;
		this.#cache = place.cache;
		this.#transport = place.transport;
	}
	fetch(source) {
		return once(this.#fetched, (0,git_source .VZ)(source), () => this.#fetch(source));
	}
	async #fetch(source) {
		const { url, ref } = source;
		if (url.startsWith('http://')) {
			this.#warn(`${url} is read without encryption: somebody on the way can change what is built`);
		}
		const { id, name } = ref !== undefined && (0,git_source .WM)(ref) ? { id: ref, name: 'its commit' } : await this.#find(source);
		const root = (0,external_node_path_.join)(await (0,promises_.mkdtemp)((0,external_node_path_.join)(this.#folder, 'tree-')), 'files');
		await (0,promises_.mkdir)(root, { mode: 0o755 });
		const { commit, committedAt, isCached } = await this.#write(url, id, root, 0);
		return { url, root, commit, committedAt, version: name, isCached };
	}
	async #find(source) {
		const { url, ref } = source;
		const { env, secrets, hasCredentials } = this.#transport.connectionTo(url);
		const { exitCode, stdout, stderr } = await runGitUntil(['ls-remote', '--', url, ...refPatterns(ref)], {
			cwd: this.#folder,
			env,
			signal: this.#signal,
		});
		if (exitCode !== 0)
			throw fetchFailure({ url, hasCredentials, secrets }, stderr);
		return findVersion(source, stdout.toString());
	}
	async #write(url, id, folder, level) {
		const written = await this.#checkOut(url, id, folder);
		await this.#warnOfLfs(url, folder);
		const areCached = [];
		for (const { path, url: said, commit } of written.submodules) {
			try {
				if (level === MOST_LEVELS)
					throw new errors .yo('it has submodules in submodules without end');
				const own = submoduleAddress(said, url, this.#transport.credentials.sshKey !== undefined);
				const below = await this.#write((0,git_source .l_)(own), commit, await submoduleFolder(folder, path), level + 1);
				areCached.push(below.isCached);
			}
			catch (error) {
				if (!(error instanceof errors .yo))
					throw error;
				const { hint } = error;
				throw new errors .yo(`submodule ${path} of ${url}: ${error.message}`, {
					...(hint && { hint }),
					cause: error,
				});
			}
		}
		return { ...written, isCached: written.isCached && areCached.every(Boolean) };
	}
	async #checkOut(url, id, folder) {
		const key = `${url} ${id}`;
		const { gitDir, isCached } = await once(this.#repositories, key, () => this.#repository(url, id));
		const place = { url, gitDir, folder, temporary: this.#folder };
		try {
			return { ...(await checkOut(place, this.#transport, this.#signal)), isCached };
		}
		catch (error) {
			if (!isCached || !(error instanceof errors .yo))
				throw error;
			await (0,promises_.rm)(gitDir, { recursive: true, force: true });
			this.#repositories.delete(key);
			for (const name of await (0,promises_.readdir)(folder))
				await (0,promises_.rm)((0,external_node_path_.join)(folder, name), { recursive: true });
			return await this.#checkOut(url, id, folder);
		}
	}
	async #warnOfLfs(url, folder) {
		const path = (0,external_node_path_.join)(folder, '.gitattributes');
		const isFile = (await (0,promises_.lstat)(path).catch(() => undefined))?.isFile() ?? false;
		if (!isFile || !/filter=lfs/.test(await (0,promises_.readFile)(path, 'utf8')))
			return;
		this.#warn(`${url} has files in LFS, which are not read: an image gets what stands for them`);
	}
	async #repository(url, id) {
		const known = await this.#cache.find(url, id);
		if (known !== undefined)
			return { gitDir: known, isCached: true };
		const request = { url, id, earlier: await this.#cache.newest(url) };
		const begun = await this.#cache.begin(url).catch((error) => {
			this.#warn(`what is read of ${url} cannot be kept for later runs: ${error.message}`);
			return undefined;
		});
		const gitDir = begun ?? (await (0,promises_.mkdtemp)((0,external_node_path_.join)(this.#folder, 'repository-')));
		try {
			await fetchVersion({ ...request, gitDir }, this.#transport, this.#signal);
		}
		catch (error) {
			await (0,promises_.rm)(gitDir, { recursive: true, force: true });
			throw error;
		}
		return { gitDir: begun === undefined ? gitDir : await this.#cache.keep(url, id, begun), isCached: false };
	}
}
function once(known, key, work) {
	const begun = known.get(key) ?? work();
	known.set(key, begun);
	return begun;
}
var image_name = __webpack_require__(2486);
var layout = __webpack_require__(3677);
;
const ENGINE = {
	cache: 'inside',
	attests: false,
	writesOci: false,
	buildsPlatforms: false,
	rewritesTimestamps: false,
};
const CONTAINERD_ENGINE = {
	cache: 'anywhere',
	attests: true,
	writesOci: true,
	buildsPlatforms: true,
	rewritesTimestamps: false,
};
const BUILDKIT = { ...CONTAINERD_ENGINE, rewritesTimestamps: true };
const FIRST_THAT_ATTESTS = 11;
const FIRST_THAT_REWRITES = 15;
const ENGINE_ABILITIES = ENGINE;
function abilitiesOf({ driver, hasContainerdStore, buildkit }) {
	if (driver === 'docker')
		return hasContainerdStore ? CONTAINERD_ENGINE : ENGINE;
	const isFrom = (first) => buildkit === undefined || buildkit[0] > 0 || buildkit[1] >= first;
	return {
		...BUILDKIT,
		attests: isFrom(FIRST_THAT_ATTESTS),
		rewritesTimestamps: isFrom(FIRST_THAT_REWRITES),
	};
}
function parseInspect(lines) {
	const valuesOf = (key) => lines.flatMap((line) => {
		const [, name, value = ''] = /^\s*([^:]+):\s+(.*)$/.exec(line) ?? [];
		return name?.trim() === key ? [value] : [];
	});
	const versions = valuesOf('BuildKit version')
		.map((text) => /^v?(\d+)\.(\d+)/.exec(text))
		.flatMap((match) => (match === null ? [] : [[Number(match[1]), Number(match[2])]]))
		.filter(([major, minor]) => major + minor > 0)
		.sort(([majorA, minorA], [majorB, minorB]) => majorA - majorB || minorA - minorB);
	return {
		driver: valuesOf('Driver')[0] ?? 'docker',
		hasContainerdStore: valuesOf('org.mobyproject.buildkit.worker.snapshotter').length > 0,
		buildkit: versions[0],
	};
}
;
function buildxArguments(order) {
	const { spec, contexts, cache } = order;
	return [
		'buildx',
		'build',
		outputOf(order),
		...common(order),
		...each('cache-from', cache.from),
		...each('cache-to', cache.to),
		...each('build-context', Object.entries(contexts).map(([name, place]) => `${name}=${place}`)),
		...each('allow', spec.entitlements),
		...given('provenance', order.provenance),
		...given('sbom', order.sbom),
		order.context,
	];
}
function engineArguments(order) {
	const { from, to } = order.cache;
	return [
		'build',
		...common(order),
		...each('cache-from', from.flatMap(imageOf)),
		...(to.includes(INLINE) ? ['--build-arg=BUILDKIT_INLINE_CACHE=1'] : []),
		order.context,
	];
}
function beyond(spec, { isBuildx, attests, buildsPlatforms }) {
	const asked = (attestation) => attestation !== undefined && attestation !== 'false';
	const said = {
		additional_contexts: !isBuildx && Object.keys(spec.contexts).length > 0,
		entitlements: !isBuildx && spec.entitlements.length > 0,
		provenance: !attests && asked(spec.provenance),
		sbom: !attests && asked(spec.sbom),
		'several platforms': !buildsPlatforms && spec.platforms.length > 1,
	};
	return Object.entries(said).flatMap(([key, isBeyond]) => (isBeyond ? [key] : []));
}
function outputOf({ isPushed, isDated, layout }) {
	if (layout !== undefined) {
		const dest = `"dest=${layout.replaceAll('"', '""')}"`;
		return `--output=type=oci,tar=false,${isDated ? 'rewrite-timestamp=true,' : ''}${dest}`;
	}
	if (!isDated)
		return isPushed ? '--push' : '--load';
	return `--output=type=${isPushed ? 'image,push=true' : 'docker'},rewrite-timestamp=true`;
}
function imageOf(cache) {
	if (!cache.includes('='))
		return [cache];
	const words = cache.split(',');
	const ref = words.find((word) => word.startsWith('ref='));
	return words.includes('type=registry') && ref !== undefined ? [ref.slice('ref='.length)] : [];
}
const INLINE = 'type=inline';
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
async function streamDocker(args, { env, signal }, read) {
	signal.throwIfAborted();
	const child = (0,external_node_child_process_.spawn)('docker', args, { env, signal, stdio: ['ignore', 'pipe', 'pipe'] });
	let said = '';
	child.stderr.on('data', (chunk) => {
		said += chunk;
	});
	const ended = new Promise((resolve, reject) => {
		child.once('error', reject);
		child.once('close', resolve);
	});
	try {
		const [result, code] = await Promise.all([read(child.stdout), ended]);
		if (code === 0)
			return result;
	}
	catch (error) {
		if (signal.aborted)
			throw signal.reason;
		if (said === '')
			throw error;
	}
	throw new errors .yo(`docker ${args[0]} failed: ${said.trim().split('\n').at(-1)}`, {
		hint: (0,full_disk .R0)(said) ? full_disk .he : 'These are its own words.',
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
	if (buildx.code === 0) {
		const version = /v?\d+\.\d+\.\d+[^\s+]*/.exec(buildx.lines.join(' '))?.[0] ?? '';
		return await buildxBuilder(version, run);
	}
	const { lines } = await runDocker(['version', '--format', '{{.Client.Version}}'], run);
	const version = lines.find((line) => /^\d+\./.test(line));
	if (version !== undefined && Number.parseInt(version, 10) < FIRST_WITHOUT_BUILDKIT) {
		return engineBuilder(version);
	}
	throw new errors .yo(`the client of Docker (${version ?? 'of an unknown version'}) has no buildx, by which it builds`, {
		hint: 'Use docker/setup-buildx-action before this step, or install it: "apt-get install docker-buildx-plugin" (Docker’s packages), "docker-buildx" (Debian’s, Ubuntu’s).',
	});
}
async function buildxBuilder(version, run) {
	const { code, lines } = await runDocker(['buildx', 'inspect', '--bootstrap'], run);
	const failure = lines.find((line) => /^(?:ERROR|Error): /.test(line));
	if (code !== 0 || failure !== undefined) {
		throw new errors .yo(`the builder of buildx does not answer: ${(failure ?? lines.at(-1) ?? '').replace(/^\w+: +/, '')}`, {
			hint: 'Does the Docker engine run, and may this user ask it? "docker buildx inspect --bootstrap" shows it.',
		});
	}
	const facts = parseInspect(lines);
	const abilities = abilitiesOf(facts);
	const isEngine = facts.driver === 'docker';
	const store = facts.hasContainerdStore ? ' with the store of containerd' : '';
	const name = `buildx ${version} (${facts.driver}${isEngine ? store : ''})`;
	return {
		name,
		abilities,
		isEngine,
		refuse: (spec) => refusal(beyond(spec, { ...abilities, isBuildx: true }), name),
		build: (order, run) => runDocker(buildxArguments(order), run),
	};
}
function engineBuilder(version) {
	const name = `Docker ${version} without buildx`;
	return {
		name,
		abilities: ENGINE_ABILITIES,
		isEngine: true,
		refuse: (spec) => refusal(beyond(spec, { ...ENGINE_ABILITIES, isBuildx: false }), name),
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
function refusal(keys, name) {
	return keys.length === 0 ? undefined : `its build asks for more than ${name} can do: ${keys.join(', ')}`;
}
;
function hasGha(env) {
	return Boolean(env.ACTIONS_RUNTIME_TOKEN && (env.ACTIONS_RESULTS_URL || env.ACTIONS_CACHE_URL));
}
const CACHE_TAG = 'buildcache';
const FORGIVING = 'ignore-error=true';
function cacheFor(spec, place) {
	const { cacheFrom: from, cacheTo } = spec;
	if (from.length > 0 || cacheTo.length > 0) {
		const canWrite = place.abilities.cache === 'anywhere' || cacheTo.every(isInline);
		return {
			from,
			to: canWrite ? cacheTo.map(forgiving) : [],
			words: canWrite
				? 'Layers are kept where the file says'
				: 'Layers are not kept where the file says (cache_to): this builder cannot write there',
			isMissed: !canWrite,
		};
	}
	return planOf(spec, place);
}
function planOf({ repository }, place) {
	const { asked, abilities, hasGha, isPushed, folder } = place;
	const isAnywhere = abilities.cache === 'anywhere';
	const scope = repository.replaceAll(/[^\w.-]+/g, '-');
	switch (asked ?? bestOf(place)) {
		case 'gha':
			if (!hasGha || !isAnywhere) {
				return none(hasGha
					? 'this builder cannot write to the cache of GitHub Actions'
					: 'the cache of GitHub Actions cannot be reached from here');
			}
			return {
				from: [`type=gha,scope=${scope}`],
				to: [`type=gha,scope=${scope},mode=max,${FORGIVING}`],
				words: 'Layers are kept in the cache of GitHub Actions',
				isMissed: false,
			};
		case 'registry': {
			if (!isPushed)
				return none('nothing is pushed, so the registry keeps none');
			const ref = `${repository}:${CACHE_TAG}`;
			if (!isAnywhere) {
				return {
					from: [`type=registry,ref=${repository}:${LAST_TAG}`],
					to: [INLINE],
					words: 'Layers are kept in the images themselves, those of the last stage alone',
					isMissed: false,
				};
			}
			return {
				from: [`type=registry,ref=${ref}`],
				to: [`type=registry,ref=${ref},mode=max,image-manifest=true,oci-mediatypes=true,${FORGIVING}`],
				words: `Layers are kept in the registry, beside each image (${CACHE_TAG})`,
				isMissed: false,
			};
		}
		case 'local': {
			if (!isAnywhere)
				return none('this builder cannot write them to a folder');
			const read = `${folder}/${scope}`;
			const written = `${read}.next`;
			return {
				from: [`type=local,src=${read}`],
				to: [`type=local,dest=${written},mode=max,${FORGIVING}`],
				words: `Layers are kept in ${folder}`,
				isMissed: false,
				folders: { written, read },
			};
		}
		case 'none':
			return {
				from: [],
				to: [],
				words: asked === 'none' || !place.isEngine
					? 'Layers are not kept for later builds'
					: 'Layers are kept by the engine of this machine',
				isMissed: false,
			};
	}
}
function bestOf({ abilities, isEngine, isThrownAway, hasGha, isPushed }) {
	if (isEngine && !isThrownAway)
		return 'none';
	if (hasGha && isThrownAway && abilities.cache === 'anywhere')
		return 'gha';
	return isPushed ? 'registry' : 'none';
}
function none(because) {
	return { from: [], to: [], words: `Layers are not kept for later builds: ${because}`, isMissed: true };
}
const isInline = (words) => /(?:^|,)type=inline(?:,|$)/.test(words);
function forgiving(words) {
	const isBare = !words.includes('=');
	if (isBare)
		return `type=registry,ref=${words},${FORGIVING}`;
	return isInline(words) || words.includes('ignore-error=') ? words : `${words},${FORGIVING}`;
}
;
async function renewFolder({ written, read }) {
	const isWritten = await (0,promises_.stat)(written).then(() => true, () => false);
	if (!isWritten)
		return;
	await (0,promises_.rm)(read, { recursive: true, force: true });
	await (0,promises_.rename)(written, read);
}
;
const FEW_BYTES = 2 * 1024 ** 3;
async function freeSpace(run) {
	const { DOCKER_HOST = '' } = run.env;
	if (DOCKER_HOST !== '' && !DOCKER_HOST.startsWith('unix:///var/run/'))
		return undefined;
	const { code, lines } = await runDocker(['info', '--format', '{{.DockerRootDir}}'], run);
	const folder = lines.find((line) => line.startsWith('/'));
	if (code !== 0 || folder === undefined)
		return undefined;
	try {
		const { bavail, bsize } = await (0,promises_.statfs)(folder);
		return bavail * bsize;
	}
	catch {
		return undefined;
	}
}
function spaceWarning(freeBytes) {
	if (freeBytes === undefined || freeBytes >= FEW_BYTES)
		return undefined;
	const free = (freeBytes / 1024 ** 3).toFixed(1);
	return `only ${free} GB are free where images are built: remove what is not needed (docker system prune --all), or the build may fail`;
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
		const set = Object.entries(env).filter((entry) => entry[1] !== undefined && !entry[0].startsWith('INPUT_'));
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
const NOTHING_YET = /not found|manifest unknown|no such file|does not exist|name unknown/i;
const CACHE_STEP = /^(importing|exporting) (?:cache (?:manifest )?(?:from|to)|to (?=GitHub Actions)) ?(.*)$/;
function cacheTroubles(lines) {
	const places = new Map();
	const troubles = new Set();
	for (const line of lines) {
		const [, number = '', rest = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
		const [, verb, place = ''] = CACHE_STEP.exec(rest) ?? [];
		if (verb !== undefined)
			places.set(number, { isRead: verb === 'importing', place });
		const [, reason] = /^ERROR: (.*)$/.exec(rest) ?? [];
		const known = places.get(number);
		if (reason === undefined || known === undefined)
			continue;
		if (known.isRead && NOTHING_YET.test(reason))
			continue;
		const what = known.isRead ? 'could not be read from' : 'could not be kept in';
		troubles.add(`layers ${what} ${known.place}: ${reason}`);
	}
	return [...troubles];
}
const CACHE_FAILURE = /\bcache (?:exporter|importer)\b/;
function cacheFailure(lines) {
	const { reason } = failureOf(lines);
	const isOfCache = CACHE_FAILURE.test(reason) || cacheTroubles(lines).some((trouble) => trouble.endsWith(`: ${reason}`));
	return isOfCache ? reason : undefined;
}
const MOST_LINES = 15;
function failureOf(lines) {
	const last = lines.findLast((line) => /^(?:ERROR: )?failed to (?:solve|compute)|^ERROR: /.test(line));
	const reason = (last ?? lines.findLast((line) => line.trim() !== '') ?? 'it said nothing')
		.replace(/^ERROR: /, '')
		.replace(/^failed to build: /, '')
		.replace(/^failed to solve(?: with frontend [\w.]+)?: /, '')
		.replace(/^rpc error: code = \w+ desc = /, '')
		.replace(/^failed to solve with frontend [\w.]+: /, '')
		.replace(/^failed to create LLB definition: /, '');
	const [, told] = lines.map((line) => /^ > \[(.*)$/.exec(line)).findLast((match) => match !== null) ?? [];
	const instruction = told && /^(?:\S+ )*?\d+\/\d+\] (.*):$/.exec(told)?.[1];
	const placed = lines
		.map((line, index) => (/^-{10,}$/.test(lines[index + 1] ?? '') ? /:(\d+)$/.exec(line)?.[1] : undefined))
		.findLast(Boolean);
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
var reference = __webpack_require__(1021);
;
const push_failure_CAUSES = [
	{
		pattern: /toomanyrequests|too many requests|rate limit/i,
		what: 'it has had too many requests',
		hint: 'Run again in some minutes; with a login most registries allow more.',
	},
	{
		pattern: /quota|insufficient storage/i,
		what: 'it has no space left',
		hint: 'Make room in the registry, or raise its quota, and run again.',
	},
	{
		pattern: /denied|unauthorized|forbidden|insufficient_scope|authentication required|no basic auth/i,
		what: 'this login may not write there',
		hint: 'Are registry-username and registry-password right, and may that account write there? For ghcr.io the job needs "packages: write".',
	},
	{
		pattern: /\b50\d\b|internal server error|bad gateway|unavailable|unknown error|blob upload (?:invalid|unknown)/i,
		what: 'it failed itself',
		hint: 'Run again later. If it is your own registry, its log says why: is its disk full?',
	},
	{
		pattern: /\bEOF\b|connection reset|broken pipe|closed (?:network )?connection|server closed|timeout/i,
		what: 'the connection broke off',
		hint: 'Run again. If it does every time, look at what stands before the registry: proxies limit how large an upload is, and how long it takes.',
	},
	{
		pattern: /connection refused|no such host|no route to host|network is unreachable/i,
		what: 'it cannot be reached',
		hint: 'Is its address right, and does it run?',
	},
];
const UNKNOWN = {
	pattern: /^/,
	what: 'it says why',
	hint: 'Are registry-username and registry-password right, and may that account write there?',
};
function pushFailure(lines, reason) {
	const failed = failedPush(lines, reason);
	if (failed === undefined)
		return undefined;
	const said = (0,full_disk .R0)(failed.reason) ? 'quota' : failed.reason;
	const { what, hint } = push_failure_CAUSES.find(({ pattern }) => pattern.test(said)) ?? UNKNOWN;
	return {
		what: `the registry ${(0,reference .F)(failed.image).host} did not take the image: ${what}`,
		hint: `${hint} Nothing was deployed.`,
	};
}
function failedPush(lines, reason) {
	const [, image, words = ''] = /failed to push (\S+): (.*)$/.exec(reason) ?? [];
	if (image !== undefined)
		return { image, reason: words };
	const begun = lines
		.map((line) => /^The push refers to repository \[(\S+)\]$|^#\d+ pushing (\S+) with docker$/.exec(line))
		.findLast((match) => match !== null);
	const pushed = begun?.[1] ?? begun?.[2];
	return pushed === undefined ? undefined : { image: pushed, reason };
}
;
function buildFailure({ spec, lines, file, lineOf }) {
	const { service } = spec;
	const { reason, line: told, instruction, output } = failureOf(lines);
	const push = pushFailure(lines, reason);
	if (push !== undefined)
		return new errors .yo(`${service}: ${push.what}: ${reason}`, { hint: push.hint });
	const line = told ?? (instruction === undefined ? undefined : lineOf(instruction));
	const what = instruction === undefined ? 'the image could not be built' : `${instruction} failed`;
	const where = line === undefined ? '' : placeElsewhere(spec, line);
	const shown = output.map((one) => `\n  | ${one}`).join('');
	return new errors .yo(`${service}: ${what}${where}: ${reason}${shown}`, {
		hint: hintFor(reason, output),
		...(file !== undefined && line !== undefined && { location: { file, line, column: 1 } }),
	});
}
function placeElsewhere({ git, dockerfile }, line) {
	return git === undefined || !('path' in dockerfile) ? '' : ` (${dockerfile.path}:${line} in ${git.url})`;
}
function hintFor(reason, output) {
	if ([reason, ...output].some(full_disk .R0))
		return full_disk .he;
	if (/not found: not found|"\/.*": not found|failed to compute cache key/i.test(reason)) {
		return 'Is the file in the context, and does .dockerignore not leave it out?';
	}
	if (/toomanyrequests|too many requests|rate limit/i.test(reason)) {
		return 'The registry of the base image has had too many requests: run again in some minutes, or log in to it before this step (docker/login-action), which most registries allow more.';
	}
	if (/denied|unauthorized|forbidden|insufficient_scope|no basic auth|repository does not exist|manifest unknown|: not found$/i.test(reason)) {
		return 'Is the name of the base image right, and may the runner read it (docker/login-action)?';
	}
	if (/dial tcp|i\/o timeout|no such host|connection refused/i.test(reason)) {
		return 'A registry cannot be reached from where it is built: is its address right, and does it run?';
	}
	if (/unsupported frontend capability/i.test(reason)) {
		return 'The BuildKit that builds is older than what the build asks for: use docker/setup-buildx-action before this step.';
	}
	return 'Nothing was pushed or deployed. The whole output is in the log above.';
}
;
function tellFindings(builds, log) {
	const told = new Set();
	for (const { spec, file, findings } of builds) {
		for (const { line, rule, message, hint } of findings) {
			const place = file ?? `the inline Dockerfile of ${spec.service}`;
			const key = `${place}:${line} ${message}`;
			if (told.has(key))
				continue;
			told.add(key);
			log.warning(`${place}:${line}: ${message} (${rule})\n→ ${hint}`, file === undefined ? undefined : { file, line, column: 1 });
		}
	}
}
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
async function orderOf(one, place) {
	const { spec, context, contexts, dockerfile, template, hash, parts } = one;
	const { folder, abilities, cache, isPushed, revision, committedAt, before } = place;
	await (0,promises_.mkdir)(folder, { mode: 0o700 });
	const inline = (0,external_node_path_.join)(folder, 'Dockerfile');
	if ('text' in dockerfile)
		await (0,promises_.writeFile)(inline, dockerfile.text);
	if (template?.ignore !== undefined)
		await (0,promises_.writeFile)(`${inline}.dockerignore`, template.ignore);
	const secretFiles = Object.entries(spec.secrets).map(([id], index) => [id, (0,external_node_path_.join)(folder, `secret-${index}`)]);
	for (const [id, path] of secretFiles)
		await (0,promises_.writeFile)(path, spec.secrets[id], { mode: 0o600 });
	const tags = [
		contentTag(hash),
		...(isPushed ? [LAST_TAG] : []),
		...(revision === undefined ? [] : [revision]),
	];
	const argument = template?.before;
	return {
		spec: before && argument ? { ...spec, args: { ...spec.args, [argument]: before } } : spec,
		context,
		contexts,
		dockerfile: 'path' in dockerfile ? dockerfile.path : inline,
		secretFiles: Object.fromEntries(secretFiles),
		names: [...tags.map((tag) => `${spec.repository}:${tag}`), ...spec.tags],
		labels: imageLabels(spec, { ...place, parts }),
		cache,
		provenance: abilities.attests ? (spec.provenance ?? provenanceFor(spec, place)) : undefined,
		sbom: abilities.attests ? spec.sbom : undefined,
		isDated: abilities.rewritesTimestamps && committedAt !== undefined,
		isPushed,
		...(place.writesLayout && { layout: (0,external_node_path_.join)(folder, 'layout') }),
	};
}
function provenanceFor({ platforms }, { isPushed, run }) {
	if (!isPushed || platforms.length > 1)
		return 'false';
	return run === undefined ? 'mode=min' : `mode=min,builder-id=${run}`;
}
var archive = __webpack_require__(8662);
var layout_store = __webpack_require__(7849);
;
const LIST = 'manifest.json';
async function keepFromEngine(name, place, run) {
	return await streamDocker(['save', name], run, (tar) => keepSaved(tar, name, place));
}
async function keepSaved(tar, name, { store, folder }) {
	await (0,promises_.mkdir)(folder, { recursive: true, mode: 0o700 });
	const files = new Map();
	const links = new Map();
	await (0,archive .sJ)(tar, async (entry) => {
		if ('linkTo' in entry) {
			links.set(entry.path, entry.linkTo);
			return;
		}
		const path = (0,external_node_path_.join)(folder, String(files.size));
		files.set(entry.path, { path, digest: await (0,layout_store .f)(entry.content, path) });
	});
	const find = (path) => {
		const found = files.get(links.get(path) ?? path);
		if (found === undefined)
			throw new Error(`docker save wrote no ${path}`);
		return found;
	};
	const [image] = JSON.parse(await (0,promises_.readFile)(find(LIST).path, 'utf8'));
	if (image === undefined)
		throw new Error('docker save wrote no image');
	const config = await (0,promises_.readFile)(find(image.Config).path);
	const { rootfs } = JSON.parse(config.toString());
	const layers = await Promise.all(image.Layers.map((path, index) => {
		const { path: file, digest } = find(path);
		const isPacked = digest !== rootfs.diff_ids[index];
		return isPacked ? store.addPacked(file, digest) : store.addLayer(file, digest);
	}));
	return await store.addImage(config, layers, name);
}
;
const images_AT_ONCE = 4;
async function buildImages(request) {
	const { builds, gitCredentials: credentials, log } = request;
	const isFromHere = ({ git, contexts }) => git === undefined && Object.values(contexts).every((place) => typeof place === 'string');
	if (builds.every(isFromHere))
		return await buildFrom(noSource, request);
	const surroundings = { ...request, credentials, warn: (message) => log.warning(message) };
	return await withSources(surroundings, (fetch) => buildFrom(fetch, request));
}
async function noSource({ url }) {
	throw new Error(`${url} was not to be read`);
}
async function buildFrom(fetch, request) {
	const { builds, env, temporary: parent, login, isDryRun } = request;
	const where = { ...placeOf(request), fetch };
	const examined = await (0,fleet .i)(builds.map((spec) => examine(spec, where)));
	tellSources(examined, request);
	refuseChanged(examined, request);
	tellFindings(examined, request.log);
	for (const { spec, template } of examined) {
		if (template !== undefined)
			request.log.info(`${spec.service}: made a Dockerfile for ${template.found.join(', ')}`);
	}
	return await withDockerConfig({ env, parent, login }, async (place) => {
		const present = await (0,fleet .i)(examined.map((one) => look(request, () => find(one, request, place))));
		const missing = examined.filter((_one, index) => present[index] === undefined);
		const histories = new Map(await (0,fleet .i)(missing.map(async (one) => [one, (await look(request, () => historyOf(one, request))) ?? images_UNKNOWN])));
		if (isDryRun) {
			return examined.map((one, index) => present[index] ?? missingImage(one, histories.get(one).why));
		}
		const build = missing.length === 0 ? undefined : await builderFor(missing, request, place);
		return await inTurns(examined, async (one, index) => {
			const found = present[index];
			if (found === undefined)
				return await withRoom(one, () => build(one, histories.get(one)));
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
function tellSources(examined, { log }) {
	const tell = (service, how, { url, version, commit, isCached }) => log.info(`${service} ${how} ${url}, ${version}: ${commit}${isCached ? ', from the cache' : ''}`);
	for (const { spec, source, copiedFrom } of examined) {
		if (source !== undefined)
			tell(spec.service, 'is built from', source);
		for (const other of copiedFrom)
			tell(spec.service, 'copies from', other);
	}
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
async function find({ spec, hash }, { registry, isPushed, layouts, signal }, { env }) {
	const { service, repository } = spec;
	const named = `${repository}:${contentTag(hash)}`;
	const common = { service, repository, outcome: 'present', hash };
	if (layouts !== undefined) {
		const kept = await layouts.named(named);
		const sizeBytes = kept === undefined ? undefined : await sizeIn(layouts, kept);
		if (kept === undefined || sizeBytes === undefined)
			return undefined;
		const image = `${repository}@${kept}`;
		return { ...common, image, digest: kept, sizeBytes, why: 'this job has this content' };
	}
	if (!isPushed) {
		const { code } = await runDocker(['image', 'inspect', '--format', '{{.Id}}', named], { env, signal });
		return code === 0 ? { ...common, image: named, why: 'the engine has this content' } : undefined;
	}
	const digest = await registry.imageDigestOf(named);
	if (digest === undefined)
		return undefined;
	const image = `${repository}@${digest}`;
	const sizeBytes = await registry.sizeOf(image);
	return { ...common, image, digest, sizeBytes, why: 'the registry has this content' };
}
async function keep(name, { store, layout, folder }, run) {
	if (layout !== undefined)
		return await store.take(layout, name);
	return await keepFromEngine(name, { store, folder: (0,external_node_path_.join)(folder, 'saved') }, run);
}
async function sizeIn(layouts, digest) {
	const image = await layouts.find(digest);
	return image && (0,layout .JR)((0,layout .tj)(image).layers);
}
function missingImage({ spec: { service, repository }, hash }, why) {
	return { service, repository, outcome: 'missing', image: `${repository}:${contentTag(hash)}`, hash, why };
}
const images_UNKNOWN = { why: 'nobody could look for it', sizeBytes: undefined };
async function historyOf({ spec: { repository }, parts }, { registry, isPushed, layouts }) {
	if (layouts !== undefined) {
		return { why: 'this job does not have this content yet', sizeBytes: undefined };
	}
	if (!isPushed)
		return { why: 'the engine does not have this content', sizeBytes: undefined };
	const last = `${repository}:${LAST_TAG}`;
	const [labels, sizeBytes] = await Promise.all([registry.labelsOf(last), registry.sizeOf(last)]);
	return { why: whyBuilt(parts, labels?.[CONTENT_LABEL]), sizeBytes };
}
function originOf({ source: other, changed }, { checkout, source }) {
	const mark = changed.length > 0 ? '-dirty' : '';
	const { commit, committedAt } = other ?? checkout ?? {};
	const tag = commit && `${commit}${mark}`;
	return { source: other?.url ?? source, tag, committedAt };
}
async function nameAgain({ repository, digest, hash }, one, request) {
	if (digest === undefined || !request.isPushed)
		return;
	const { registry } = request;
	const named = `${repository}:${contentTag(hash)}`;
	const whole = await registry.digestOf(named);
	const own = one.spec.tags.filter((name) => (0,image_name ._M)(name) === repository);
	const tags = own.map((name) => name.slice(repository.length + 1)).filter((tag) => tag !== '');
	const { tag: ofCommit } = originOf(one, request);
	for (const tag of [...(ofCommit === undefined ? [] : [ofCommit]), ...tags]) {
		if ((await registry.digestOf(`${repository}:${tag}`)) !== whole)
			await registry.tag(named, tag);
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
	const space = spaceWarning(await freeSpace({ env: place.env, signal }));
	if (space !== undefined)
		log.warning(space);
	log.info(`Building ${missing.map(({ spec }) => spec.service).join(', ')} with ${builder.name}`);
	const caches = new Map(missing.map((one) => [one, cacheOf(one, builder, request)]));
	tellOnce(caches.values(), log);
	if (!builder.abilities.rewritesTimestamps) {
		log.info('This builder does not date files by their commit: building the same again would give another digest');
	}
	return (one, history) => build(one, history, caches.get(one), builder, request, place);
}
async function withRoom({ spec }, work) {
	try {
		return await work();
	}
	catch (error) {
		if (error instanceof errors .yo || !(0,full_disk .R0)((0,errors .bD)(error)))
			throw error;
		const message = `${spec.service}: the image could not be kept here: ${(0,errors .bD)(error)}`;
		throw new errors .yo(message, { hint: full_disk .he, cause: error });
	}
}
function cacheOf({ spec }, { abilities, isEngine }, request) {
	const { env, cache: asked, isPushed } = request;
	return cacheFor(spec, {
		asked,
		abilities,
		isEngine,
		isThrownAway: env.RUNNER_ENVIRONMENT === 'github-hosted',
		hasGha: hasGha(env),
		isPushed,
		folder: (0,cache_folder .n)(env, 'layers'),
	});
}
function tellOnce(caches, log) {
	const told = new Map([...caches].map(({ words, isMissed }) => [words, isMissed]));
	for (const [words, isMissed] of told)
		isMissed ? log.warning(words) : log.info(words);
}
async function build(one, { why, sizeBytes: previousSizeBytes }, cache, builder, request, place) {
	const { spec, hash, file, lineOf } = one;
	const { service, repository } = spec;
	const { log, clock, signal, registry, isPushed, layouts } = request;
	const { source, tag, committedAt } = originOf(one, request);
	const begun = clock.now();
	const { template } = one;
	const folder = (0,external_node_path_.join)(place.folder, service);
	const order = await orderOf(one, {
		before: template?.before && (await imageBefore(spec, request)),
		...{ project: request.project, source, revision: tag, committedAt },
		folder,
		abilities: builder.abilities,
		cache,
		isPushed,
		run: request.run,
		writesLayout: layouts !== undefined && builder.abilities.writesOci,
	});
	const env = {
		...place.env,
		...(committedAt !== undefined && { SOURCE_DATE_EPOCH: String(committedAt) }),
	};
	const onLine = (line) => {
		if (line.trim() !== '')
			log.info(`${service} | ${line}`);
	};
	const run = { env, signal, onLine };
	const first = await builder.build(order, run);
	const cacheReason = first.code === 0 ? undefined : cacheFailure(first.lines);
	if (cacheReason !== undefined)
		log.warning(`${service}: ${cacheReason}; it is built without layers of earlier builds`);
	const without = { ...order, cache: { from: [], to: [] } };
	const { code, lines } = cacheReason === undefined ? first : await builder.build(without, run);
	if (code !== 0)
		throw buildFailure({ spec, lines, file, lineOf });
	for (const trouble of cacheTroubles(lines))
		log.warning(`${service}: ${trouble}; it was built all the same`);
	if (cache.folders !== undefined)
		await renewFolder(cache.folders);
	const named = `${repository}:${contentTag(hash)}`;
	const kept = layouts && (await keep(named, { store: layouts, layout: order.layout, folder }, { env, signal }));
	const digest = isPushed ? await registry.imageDigestOf(named) : kept;
	if (isPushed && digest === undefined) {
		throw new errors .yo(`${service}: the registry does not have ${named}, which was pushed to it`, {
			hint: 'Does it keep what it is given? Run again.',
		});
	}
	const image = digest === undefined ? named : `${repository}@${digest}`;
	const sizeBytes = isPushed
		? await registry.sizeOf(image)
		: layouts && kept !== undefined
			? await sizeIn(layouts, kept)
			: undefined;
	return {
		service,
		repository,
		outcome: 'built',
		image,
		...(digest !== undefined && { digest }),
		...(sizeBytes !== undefined && { sizeBytes }),
		...(previousSizeBytes !== undefined && { previousSizeBytes }),
		hash,
		why,
		steps: stepsOf(lines),
		ms: Math.round(clock.now() - begun),
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
