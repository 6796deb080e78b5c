"use strict";
exports.id = 31;
exports.ids = [31];
exports.modules = {
  3031:
  ((__unused_webpack___webpack_module__, __webpack_exports__, __webpack_require__) => {
__webpack_require__.d(__webpack_exports__, {
  Decrypter: () => (  Decrypter),
  Encrypter: () => (  Encrypter),
  armor: () => (  armor_namespaceObject),
  identityToRecipient: () => (  identityToRecipient)
});
var armor_namespaceObject = {};
__webpack_require__.r(armor_namespaceObject);
__webpack_require__.d(armor_namespaceObject, {
  decode: () => (decode),
  encode: () => (encode)
});
;
function utils_isBytes(a) {
	return (a instanceof Uint8Array ||
		(ArrayBuffer.isView(a) &&
			a.constructor.name === 'Uint8Array' &&
			'BYTES_PER_ELEMENT' in a &&
			a.BYTES_PER_ELEMENT === 1));
}
const atitle = (title) => (title ? `"${title}" ` : '');
function utils_anumber(n, title = '') {
	if (typeof n !== 'number')
		throw new TypeError(atitle(title) + 'expected number, got ' + typeof n);
	if (!Number.isSafeInteger(n) || n < 0)
		throw new RangeError(atitle(title) + 'expected integer >= 0, got ' + n);
	return n;
}
function abool(value, title = '') {
	if (typeof value !== 'boolean')
		throw new TypeError(atitle(title) + 'expected boolean, got type=' + typeof value);
	return value;
}
function utils_abytes(value, length, title = '') {
	if (utils_isBytes(value) && (length === undefined || value.length === length))
		return value;
	if (length !== undefined)
		utils_anumber(length, 'length');
	const bytes = utils_isBytes(value);
	const ofLen = length !== undefined ? ` of length ${length}` : '';
	const got = bytes ? `length=${value.length}` : `type=${typeof value}`;
	const message = atitle(title) + 'expected Uint8Array' + ofLen + ', got ' + got;
	if (!bytes)
		throw new TypeError(message);
	throw new RangeError(message);
}
function utils_copyBytes(bytes) {
	return Uint8Array.from(utils_abytes(bytes));
}
function ahash(h) {
	if (typeof h !== 'function' || typeof h.create !== 'function')
		throw new TypeError('expected hash wrapped by utils.createHasher');
	utils_anumber(h.outputLen);
	utils_anumber(h.blockLen);
	if (h.outputLen < 1 || h.blockLen < 1)
		throw new Error('hash blockLen / outputLen must be >= 1');
}
const aobject = (value, label) => {
	if (value === null || typeof value !== 'object' || Array.isArray(value))
		throw new TypeError((label === 'object' ? '' : `"${label}" `) + 'expected object, got type=' + typeof value);
};
const aopts = (value, label) => {
	aobject(value, label);
	const proto = Object.getPrototypeOf(value);
	if (proto !== Object.prototype && proto !== null)
		throw new TypeError(`"${label}" expected plain object`);
	if (Object.hasOwn(value, '__proto__'))
		throw new TypeError(`"${label}.__proto__" is not allowed`);
};
function aexists(instance, checkFinished = true) {
	if (instance.destroyed)
		throw new Error('hash was destroyed');
	if (checkFinished && instance.finished)
		throw new Error('digest() was already called');
}
function aoutput(out, instance) {
	utils_abytes(out, undefined, 'output');
	const min = instance.outputLen;
	if (!(out.length >= min)) {
		throw new RangeError('"output" expected length >= ' + min);
	}
}
function u8(arr) {
	return new Uint8Array(arr.buffer, arr.byteOffset, arr.byteLength);
}
function u32(arr) {
	return new Uint32Array(arr.buffer, arr.byteOffset, Math.floor(arr.byteLength / 4));
}
function utils_clean(...arrays) {
	for (let i = 0; i < arrays.length; i++) {
		arrays[i].fill(0);
	}
}
function createView(arr) {
	return new DataView(arr.buffer, arr.byteOffset, arr.byteLength);
}
function rotr(word, shift) {
	return (word << (32 - shift)) | (word >>> shift);
}
function rotl(word, shift) {
	return (word << shift) | ((word >>> (32 - shift)) >>> 0);
}
const isLE =   (() => new Uint8Array(new Uint32Array([0x11223344]).buffer)[0] === 0x44)();
function byteSwap(word) {
	return (((word << 24) & 0xff000000) |
		((word << 8) & 0xff0000) |
		((word >>> 8) & 0xff00) |
		((word >>> 24) & 0xff));
}
const swap8IfBE = (  null && (isLE
	? (n) => n
	: (n) => byteSwap(n) >>> 0));
function byteSwap32(arr) {
	for (let i = 0; i < arr.length; i++) {
		arr[i] = byteSwap(arr[i]);
	}
	return arr;
}
const utils_swap32IfBE = isLE
	? (u) => u
	: byteSwap32;
const hasHexBuiltin =   (() =>
typeof Uint8Array.from([]).toHex === 'function' && typeof Uint8Array.fromHex === 'function')();
const hexes =   Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
function bytesToHex(bytes) {
	utils_abytes(bytes);
	if (hasHexBuiltin)
		return bytes.toHex();
	let hex = '';
	for (let i = 0; i < bytes.length; i++) {
		hex += hexes[bytes[i]];
	}
	return hex;
}
function asciiToBase16(ch) {
	return ch >= 48 && ch <= 57 ? ch - 48
		: ch >= 65 && ch <= 70 ? ch - (65 - 10)
			: ch >= 97 && ch <= 102 ? ch - (97 - 10)
				: undefined;
}
function hexToBytes(hex) {
	if (typeof hex !== 'string')
		throw new TypeError('hex string expected, got ' + typeof hex);
	if (hasHexBuiltin) {
		try {
			return Uint8Array.fromHex(hex);
		}
		catch (error) {
			if (error instanceof SyntaxError)
				throw new RangeError(error.message);
			throw error;
		}
	}
	const hl = hex.length;
	const al = hl / 2;
	if (hl % 2)
		throw new RangeError('hex string expected, got unpadded hex of length ' + hl);
	const array = new Uint8Array(al);
	for (let ai = 0, hi = 0; ai < al; ai++, hi += 2) {
		const n1 = asciiToBase16(hex.charCodeAt(hi));
		const n2 = asciiToBase16(hex.charCodeAt(hi + 1));
		if (n1 === undefined || n2 === undefined) {
			const char = hex[hi] + hex[hi + 1];
			throw new RangeError('hex string expected, got non-hex character "' + char + '" at index ' + hi);
		}
		array[ai] = n1 * 16 + n2;
	}
	return array;
}
function nextTick(onReject) {
	const host = globalThis;
	if (typeof host.scheduler?.yield === 'function') {
		const promise = host.scheduler.yield();
		if (onReject)
			promise.catch(onReject);
		return promise;
	}
	return new Promise((resolve) => host.setTimeout(resolve, 0));
}
async function utils_asyncLoop(iters, tick, cb, onReject) {
	utils_anumber(iters, 'iters');
	utils_anumber(tick, 'tick');
	if (typeof cb !== 'function')
		throw new TypeError('callback must be a function');
	let ts = Date.now();
	for (let i = 0; i < iters; i++) {
		cb(i);
		const diff = Date.now() - ts;
		if (diff >= 0 && diff < tick)
			continue;
		await nextTick(onReject);
		ts = Date.now();
	}
}
function utf8ToBytes(str) {
	if (typeof str !== 'string')
		throw new TypeError('string expected');
	const encoded = new TextEncoder().encode(str);
	try {
		return new Uint8Array(encoded);
	}
	finally {
		utils_clean(encoded);
	}
}
function kdfInputToBytes(data, errorTitle = '') {
	if (typeof data === 'string')
		return utf8ToBytes(data);
	return utils_abytes(data, undefined, errorTitle);
}
function utils_concatBytes(...arrays) {
	let sum = 0;
	for (let i = 0; i < arrays.length; i++) {
		const a = arrays[i];
		utils_abytes(a);
		sum += a.length;
	}
	const res = new Uint8Array(sum);
	for (let i = 0, pad = 0; i < arrays.length; i++) {
		const a = arrays[i];
		res.set(a, pad);
		pad += a.length;
	}
	return res;
}
const utils_validateObject = (object, fields = {}, optFields = {}, title = 'object') => {
	aobject(object, title);
	aobject(fields, 'fields');
	aobject(optFields, 'optFields');
	function checkField(fieldName, expectedType, isOpt) {
		const label = title === 'object' ? `param "${String(fieldName)}"` : `"${title}.${String(fieldName)}"`;
		const val = object[fieldName];
		if (!Object.hasOwn(object, fieldName) &&
			(isOpt ? val !== undefined : expectedType !== 'function')) {
			throw new TypeError(`${label} is invalid: expected own property`);
		}
		if (isOpt && val === undefined)
			return;
		const current = typeof val;
		if (current !== expectedType || val === null)
			throw new TypeError(`${label} is invalid: expected ${expectedType}, got ${current}`);
	}
	const iter = (f, isOpt) => Object.entries(f).forEach(([k, v]) => checkField(k, v, isOpt));
	iter(fields, false);
	iter(optFields, true);
};
function checkOpts(defaults, opts, title = 'opts') {
	aopts(defaults, 'defaults');
	if (opts !== undefined)
		aopts(opts, title);
	const merged = Object.assign(Object.create(null), defaults, opts);
	return merged;
}
function utils_createHasher(hashCons, info = {}) {
	if (typeof hashCons !== 'function')
		throw new TypeError('"hashCons" expected function, got type=' + typeof hashCons);
	info = checkOpts({}, info, 'info');
	const hashC = (msg, opts) => hashCons(opts)
		.update(msg)
		.digest();
	const tmp = hashCons(undefined);
	hashC.outputLen = tmp.outputLen;
	hashC.blockLen = tmp.blockLen;
	hashC.canXOF = tmp.canXOF;
	hashC.create = (opts) => hashCons(opts);
	Object.assign(hashC, info);
	return Object.freeze(hashC);
}
function utils_randomBytes(bytesLength = 32) {
	utils_anumber(bytesLength, 'bytesLength');
	const cr = typeof globalThis === 'object' ? globalThis.crypto : null;
	if (typeof cr?.getRandomValues !== 'function')
		throw new Error('crypto.getRandomValues must be defined');
	if (bytesLength > 65536)
		throw new RangeError(`"bytesLength" expected <= 65536, got ${bytesLength}`);
	return cr.getRandomValues(new Uint8Array(bytesLength));
}
const utils_oidNist = (suffix) => ({
	oid: Uint8Array.from([0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, suffix]),
});
;
class _HMAC {
	oHash;
	iHash;
	blockLen;
	outputLen;
	canXOF = false;
	finished = false;
	destroyed = false;
	constructor(hash, key) {
		ahash(hash);
		utils_abytes(key, undefined, 'key');
		this.iHash = hash.create();
		if (typeof this.iHash.update !== 'function')
			throw new Error('expected Hash instance');
		this.blockLen = this.iHash.blockLen;
		this.outputLen = this.iHash.outputLen;
		const blockLen = this.blockLen;
		const pad = new Uint8Array(blockLen);
		pad.set(key.length > blockLen ? hash.create().update(key).digest() : key);
		for (let i = 0; i < pad.length; i++)
			pad[i] ^= 0x36;
		this.iHash.update(pad);
		this.oHash = hash.create();
		for (let i = 0; i < pad.length; i++)
			pad[i] ^= 0x36 ^ 0x5c;
		this.oHash.update(pad);
		utils_clean(pad);
	}
	update(buf) {
		aexists(this);
		this.iHash.update(buf);
		return this;
	}
	digestInto(out) {
		aexists(this);
		aoutput(out, this);
		this.finished = true;
		const buf = out.subarray(0, this.outputLen);
		this.iHash.digestInto(buf);
		this.oHash.update(buf);
		this.oHash.digestInto(buf);
		this.destroy();
	}
	digest() {
		const out = new Uint8Array(this.oHash.outputLen);
		this.digestInto(out);
		return out;
	}
	_cloneInto(to) {
		to ||= Object.create(Object.getPrototypeOf(this), {});
		const { oHash, iHash, finished, destroyed, blockLen, outputLen, canXOF } = this;
		to = to;
		to.finished = finished;
		to.destroyed = destroyed;
		to.blockLen = blockLen;
		to.outputLen = outputLen;
		to.canXOF = canXOF;
		to.oHash = oHash._cloneInto(to.oHash);
		to.iHash = iHash._cloneInto(to.iHash);
		return to;
	}
	clone() {
		return this._cloneInto();
	}
	destroy() {
		this.destroyed = true;
		this.oHash.destroy();
		this.iHash.destroy();
	}
}
const hmac_hmac =   (() => {
	const hmac_ = ((hash, key, message) => new _HMAC(hash, key).update(message).digest());
	hmac_.create = (hash, key) => new _HMAC(hash, key);
	return hmac_;
})();
;
function hkdf_extract(hash, ikm, salt) {
	ahash(hash);
	if (salt === undefined)
		salt = new Uint8Array(hash.outputLen);
	return hmac_hmac(hash, salt, ikm);
}
const HKDF_COUNTER =   Uint8Array.of(0);
const EMPTY_BUFFER =   Uint8Array.of();
function expand(hash, prk, info, length = 32, _recycled) {
	ahash(hash);
	utils_anumber(length, 'length');
	utils_abytes(prk, undefined, 'prk');
	const olen = hash.outputLen;
	if (prk.length < olen)
		throw new Error('"prk" must be at least HashLen octets');
	if (length > 255 * olen)
		throw new Error('Length must be <= 255*HashLen');
	const blocks = Math.ceil(length / olen);
	if (info === undefined)
		info = EMPTY_BUFFER;
	else
		utils_abytes(info, undefined, 'info');
	if (!blocks) {
		if (_recycled)
			utils_clean(prk);
		return new Uint8Array();
	}
	const okm = _recycled && blocks === 1 ? prk : new Uint8Array(blocks * olen);
	const { iHash, oHash } = hmac_hmac.create(hash, prk);
	const T = _recycled ? prk : new Uint8Array(olen);
	const worker = blocks > 1 ? _recycled?.iHash || hash.create() : undefined;
	for (let counter = 0; counter < blocks - 1; counter++) {
		HKDF_COUNTER[0] = counter + 1;
		const iWork = iHash._cloneInto(worker);
		if (counter)
			iWork.update(T);
		iWork.update(info).update(HKDF_COUNTER).digestInto(T);
		oHash._cloneInto(worker).update(T).digestInto(T);
		okm.set(T, olen * counter);
	}
	HKDF_COUNTER[0] = blocks;
	if (blocks > 1)
		iHash.update(T);
	iHash.update(info).update(HKDF_COUNTER).digestInto(T);
	oHash.update(T).digestInto(T);
	okm.set(T, olen * (blocks - 1));
	iHash.destroy();
	oHash.destroy();
	worker?.destroy();
	if (T !== okm)
		utils_clean(T);
	utils_clean(HKDF_COUNTER);
	if (length === okm.length)
		return okm;
	const res = okm.slice(0, length);
	utils_clean(okm);
	return res;
}
const hkdf = (hash, ikm, salt, info, length) => {
	ahash(hash);
	if (salt === undefined)
		salt = new Uint8Array(hash.outputLen);
	const HMAC = hmac_hmac.create(hash, salt).update(ikm);
	return expand(hash, HMAC.digest(), info, length, HMAC);
};
;
const U32_MASK64 =   (() => BigInt(2 ** 32 - 1))();
const _32n =   BigInt(32);
function fromBig(n, le = false) {
	if (le)
		return { h: Number(n & U32_MASK64), l: Number((n >> _32n) & U32_MASK64) };
	return { h: Number((n >> _32n) & U32_MASK64) | 0, l: Number(n & U32_MASK64) | 0 };
}
function split(lst, le = false) {
	const len = lst.length;
	let Ah = new Uint32Array(len);
	let Al = new Uint32Array(len);
	for (let i = 0; i < len; i++) {
		const { h, l } = fromBig(lst[i], le);
		[Ah[i], Al[i]] = [h, l];
	}
	return [Ah, Al];
}
const toBig = (h, l) => (BigInt(h >>> 0) << _32n) | BigInt(l >>> 0);
const fromNumH = (n) => (n / 2 ** 32) | 0;
const fromNumL = (n) => n >>> 0;
function setU64FromNum(view, byteOffset, n, isLE) {
	const h = fromNumH(n);
	const l = fromNumL(n);
	view.setUint32(byteOffset, isLE ? l : h, isLE);
	view.setUint32(byteOffset + 4, isLE ? h : l, isLE);
}
const shrSH = (h, _l, s) => h >>> s;
const shrSL = (h, l, s) => (h << (32 - s)) | (l >>> s);
const rotrSH = (h, l, s) => (h >>> s) | (l << (32 - s));
const rotrSL = (h, l, s) => (h << (32 - s)) | (l >>> s);
const rotrBH = (h, l, s) => (h << (64 - s)) | (l >>> (s - 32));
const rotrBL = (h, l, s) => (h >>> (s - 32)) | (l << (64 - s));
const rotr32H = (_h, l) => l;
const rotr32L = (h, _l) => h;
function add(Ah, Al, Bh, Bl) {
	const l = (Al >>> 0) + (Bl >>> 0);
	return { h: (Ah + Bh + ((l / 2 ** 32) | 0)) | 0, l: l | 0 };
}
const add3L = (Al, Bl, Cl) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0);
const add3H = (low, Ah, Bh, Ch) => (Ah + Bh + Ch + ((low / 2 ** 32) | 0)) | 0;
const add4L = (Al, Bl, Cl, Dl) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0) + (Dl >>> 0);
const add4H = (low, Ah, Bh, Ch, Dh) => (Ah + Bh + Ch + Dh + ((low / 2 ** 32) | 0)) | 0;
const add5L = (Al, Bl, Cl, Dl, El) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0) + (Dl >>> 0) + (El >>> 0);
const add5H = (low, Ah, Bh, Ch, Dh, Eh) => (Ah + Bh + Ch + Dh + Eh + ((low / 2 ** 32) | 0)) | 0;
;
function Chi(a, b, c) {
	return (a & b) ^ (~a & c);
}
function Maj(a, b, c) {
	return (a & b) ^ (a & c) ^ (b & c);
}
class HashMD {
	blockLen;
	outputLen;
	canXOF = false;
	padOffset;
	isLE;
	buffer;
	view;
	finished = false;
	length = 0;
	pos = 0;
	destroyed = false;
	constructor(blockLen, outputLen, padOffset, isLE) {
		this.blockLen = blockLen;
		this.outputLen = outputLen;
		this.padOffset = padOffset;
		this.isLE = isLE;
		this.buffer = new Uint8Array(blockLen);
		this.view = createView(this.buffer);
	}
	update(data) {
		aexists(this);
		utils_abytes(data);
		const { view, buffer, blockLen } = this;
		const len = data.length;
		let processed = false;
		for (let pos = 0; pos < len;) {
			const take = Math.min(blockLen - this.pos, len - pos);
			if (take === blockLen) {
				const dataView = createView(data);
				for (; blockLen <= len - pos; pos += blockLen)
					this.process(dataView, pos);
				processed = true;
				continue;
			}
			buffer.set(pos === 0 && take === len ? data : data.subarray(pos, pos + take), this.pos);
			this.pos += take;
			pos += take;
			if (this.pos === blockLen) {
				this.process(view, 0);
				this.pos = 0;
				processed = true;
			}
		}
		this.length += data.length;
		if (processed)
			this.roundClean();
		return this;
	}
	digestInto(out) {
		aexists(this);
		aoutput(out, this);
		this.finished = true;
		const { buffer, view, blockLen, isLE } = this;
		let { pos } = this;
		buffer[pos++] = 0b10000000;
		buffer.fill(0, pos);
		if (this.padOffset > blockLen - pos) {
			this.process(view, 0);
			buffer.fill(0);
		}
		setU64FromNum(view, blockLen - 8, this.length * 8, isLE);
		this.process(view, 0);
		this.roundClean();
		const oview = out === buffer ? view : createView(out);
		const len = this.outputLen;
		const outLen = len / 4;
		const state = this.get();
		if (len % 4 || outLen > state.length)
			throw new Error('invalid outputLen');
		for (let i = 0; i < outLen; i++)
			oview.setUint32(4 * i, state[i], isLE);
	}
	digest() {
		const { buffer, outputLen } = this;
		this.digestInto(buffer);
		const res = buffer.slice(0, outputLen);
		this.destroy();
		return res;
	}
	_cloneIntoMeta(to) {
		const { buffer, length, finished, destroyed, pos } = this;
		to.destroyed = destroyed;
		to.finished = finished;
		to.length = length;
		to.pos = pos;
		if (pos)
			to.buffer.set(buffer);
		return to;
	}
	clone() {
		return this._cloneInto();
	}
}
const SHA256_IV =   Uint32Array.from([
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const SHA224_IV =   Uint32Array.from([
	0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4,
]);
const SHA384_IV =   Uint32Array.from([
	0xcbbb9d5d, 0xc1059ed8, 0x629a292a, 0x367cd507, 0x9159015a, 0x3070dd17, 0x152fecd8, 0xf70e5939,
	0x67332667, 0xffc00b31, 0x8eb44a87, 0x68581511, 0xdb0c2e0d, 0x64f98fa7, 0x47b5481d, 0xbefa4fa4,
]);
const SHA512_IV =   Uint32Array.from([
	0x6a09e667, 0xf3bcc908, 0xbb67ae85, 0x84caa73b, 0x3c6ef372, 0xfe94f82b, 0xa54ff53a, 0x5f1d36f1,
	0x510e527f, 0xade682d1, 0x9b05688c, 0x2b3e6c1f, 0x1f83d9ab, 0xfb41bd6b, 0x5be0cd19, 0x137e2179,
]);
;
const SHA256_K =   Uint32Array.from([
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
]);
const SHA256_W =   new Uint32Array(64);
class SHA2_32B extends HashMD {
	A = 0;
	B = 0;
	C = 0;
	D = 0;
	E = 0;
	F = 0;
	G = 0;
	H = 0;
	constructor(outputLen, IV) {
		super(64, outputLen, 8, false);
		this.A = IV[0] | 0;
		this.B = IV[1] | 0;
		this.C = IV[2] | 0;
		this.D = IV[3] | 0;
		this.E = IV[4] | 0;
		this.F = IV[5] | 0;
		this.G = IV[6] | 0;
		this.H = IV[7] | 0;
	}
	get() {
		const { A, B, C, D, E, F, G, H } = this;
		return [A, B, C, D, E, F, G, H];
	}
	set(A, B, C, D, E, F, G, H) {
		this.A = A | 0;
		this.B = B | 0;
		this.C = C | 0;
		this.D = D | 0;
		this.E = E | 0;
		this.F = F | 0;
		this.G = G | 0;
		this.H = H | 0;
	}
	_cloneInto(to) {
		(to ||= new this.constructor()).set(...this.get());
		return this._cloneIntoMeta(to);
	}
	process(view, offset) {
		for (let i = 0; i < 16; i++, offset += 4)
			SHA256_W[i] = view.getUint32(offset, false);
		for (let i = 16; i < 64; i++) {
			const W15 = SHA256_W[i - 15];
			const W2 = SHA256_W[i - 2];
			const s0 = rotr(W15, 7) ^ rotr(W15, 18) ^ (W15 >>> 3);
			const s1 = rotr(W2, 17) ^ rotr(W2, 19) ^ (W2 >>> 10);
			SHA256_W[i] = (s1 + SHA256_W[i - 7] + s0 + SHA256_W[i - 16]) | 0;
		}
		let { A, B, C, D, E, F, G, H } = this;
		for (let i = 0; i < 64; i++) {
			const sigma1 = rotr(E, 6) ^ rotr(E, 11) ^ rotr(E, 25);
			const T1 = (H + sigma1 + Chi(E, F, G) + SHA256_K[i] + SHA256_W[i]) | 0;
			const sigma0 = rotr(A, 2) ^ rotr(A, 13) ^ rotr(A, 22);
			const T2 = (sigma0 + Maj(A, B, C)) | 0;
			H = G;
			G = F;
			F = E;
			E = (D + T1) | 0;
			D = C;
			C = B;
			B = A;
			A = (T1 + T2) | 0;
		}
		A = (A + this.A) | 0;
		B = (B + this.B) | 0;
		C = (C + this.C) | 0;
		D = (D + this.D) | 0;
		E = (E + this.E) | 0;
		F = (F + this.F) | 0;
		G = (G + this.G) | 0;
		H = (H + this.H) | 0;
		this.set(A, B, C, D, E, F, G, H);
	}
	roundClean() {
		utils_clean(SHA256_W);
	}
	destroy() {
		this.destroyed = true;
		this.set(0, 0, 0, 0, 0, 0, 0, 0);
		utils_clean(this.buffer);
	}
}
class _SHA256 extends SHA2_32B {
	constructor() {
		super(32, SHA256_IV);
	}
}
class _SHA224 extends SHA2_32B {
	constructor() {
		super(28, SHA224_IV);
	}
}
const K512 =   (() => split([
	'0x428a2f98d728ae22', '0x7137449123ef65cd', '0xb5c0fbcfec4d3b2f', '0xe9b5dba58189dbbc',
	'0x3956c25bf348b538', '0x59f111f1b605d019', '0x923f82a4af194f9b', '0xab1c5ed5da6d8118',
	'0xd807aa98a3030242', '0x12835b0145706fbe', '0x243185be4ee4b28c', '0x550c7dc3d5ffb4e2',
	'0x72be5d74f27b896f', '0x80deb1fe3b1696b1', '0x9bdc06a725c71235', '0xc19bf174cf692694',
	'0xe49b69c19ef14ad2', '0xefbe4786384f25e3', '0x0fc19dc68b8cd5b5', '0x240ca1cc77ac9c65',
	'0x2de92c6f592b0275', '0x4a7484aa6ea6e483', '0x5cb0a9dcbd41fbd4', '0x76f988da831153b5',
	'0x983e5152ee66dfab', '0xa831c66d2db43210', '0xb00327c898fb213f', '0xbf597fc7beef0ee4',
	'0xc6e00bf33da88fc2', '0xd5a79147930aa725', '0x06ca6351e003826f', '0x142929670a0e6e70',
	'0x27b70a8546d22ffc', '0x2e1b21385c26c926', '0x4d2c6dfc5ac42aed', '0x53380d139d95b3df',
	'0x650a73548baf63de', '0x766a0abb3c77b2a8', '0x81c2c92e47edaee6', '0x92722c851482353b',
	'0xa2bfe8a14cf10364', '0xa81a664bbc423001', '0xc24b8b70d0f89791', '0xc76c51a30654be30',
	'0xd192e819d6ef5218', '0xd69906245565a910', '0xf40e35855771202a', '0x106aa07032bbd1b8',
	'0x19a4c116b8d2d0c8', '0x1e376c085141ab53', '0x2748774cdf8eeb99', '0x34b0bcb5e19b48a8',
	'0x391c0cb3c5c95a63', '0x4ed8aa4ae3418acb', '0x5b9cca4f7763e373', '0x682e6ff3d6b2b8a3',
	'0x748f82ee5defb2fc', '0x78a5636f43172f60', '0x84c87814a1f0ab72', '0x8cc702081a6439ec',
	'0x90befffa23631e28', '0xa4506cebde82bde9', '0xbef9a3f7b2c67915', '0xc67178f2e372532b',
	'0xca273eceea26619c', '0xd186b8c721c0c207', '0xeada7dd6cde0eb1e', '0xf57d4f7fee6ed178',
	'0x06f067aa72176fba', '0x0a637dc5a2c898a6', '0x113f9804bef90dae', '0x1b710b35131c471b',
	'0x28db77f523047d84', '0x32caab7b40c72493', '0x3c9ebe0a15c9bebc', '0x431d67c49c100d4c',
	'0x4cc5d4becb3e42b6', '0x597f299cfc657e2a', '0x5fcb6fab3ad6faec', '0x6c44198c4a475817'
].map(n => BigInt(n))))();
const SHA512_Kh =   (() => K512[0])();
const SHA512_Kl =   (() => K512[1])();
const SHA512_W_H =   new Uint32Array(80);
const SHA512_W_L =   new Uint32Array(80);
class SHA2_64B extends HashMD {
	Ah = 0;
	Al = 0;
	Bh = 0;
	Bl = 0;
	Ch = 0;
	Cl = 0;
	Dh = 0;
	Dl = 0;
	Eh = 0;
	El = 0;
	Fh = 0;
	Fl = 0;
	Gh = 0;
	Gl = 0;
	Hh = 0;
	Hl = 0;
	constructor(outputLen, IV) {
		super(128, outputLen, 16, false);
		this.Ah = IV[0] | 0;
		this.Al = IV[1] | 0;
		this.Bh = IV[2] | 0;
		this.Bl = IV[3] | 0;
		this.Ch = IV[4] | 0;
		this.Cl = IV[5] | 0;
		this.Dh = IV[6] | 0;
		this.Dl = IV[7] | 0;
		this.Eh = IV[8] | 0;
		this.El = IV[9] | 0;
		this.Fh = IV[10] | 0;
		this.Fl = IV[11] | 0;
		this.Gh = IV[12] | 0;
		this.Gl = IV[13] | 0;
		this.Hh = IV[14] | 0;
		this.Hl = IV[15] | 0;
	}
	get() {
		const { Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl } = this;
		return [Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl];
	}
	set(Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl) {
		this.Ah = Ah | 0;
		this.Al = Al | 0;
		this.Bh = Bh | 0;
		this.Bl = Bl | 0;
		this.Ch = Ch | 0;
		this.Cl = Cl | 0;
		this.Dh = Dh | 0;
		this.Dl = Dl | 0;
		this.Eh = Eh | 0;
		this.El = El | 0;
		this.Fh = Fh | 0;
		this.Fl = Fl | 0;
		this.Gh = Gh | 0;
		this.Gl = Gl | 0;
		this.Hh = Hh | 0;
		this.Hl = Hl | 0;
	}
	_cloneInto(to) {
		(to ||= new this.constructor()).set(...this.get());
		return this._cloneIntoMeta(to);
	}
	process(view, offset) {
		for (let i = 0; i < 16; i++, offset += 4) {
			SHA512_W_H[i] = view.getUint32(offset);
			SHA512_W_L[i] = view.getUint32((offset += 4));
		}
		for (let i = 16; i < 80; i++) {
			const W15h = SHA512_W_H[i - 15] | 0;
			const W15l = SHA512_W_L[i - 15] | 0;
			const s0h = rotrSH(W15h, W15l, 1) ^ rotrSH(W15h, W15l, 8) ^ shrSH(W15h, W15l, 7);
			const s0l = rotrSL(W15h, W15l, 1) ^ rotrSL(W15h, W15l, 8) ^ shrSL(W15h, W15l, 7);
			const W2h = SHA512_W_H[i - 2] | 0;
			const W2l = SHA512_W_L[i - 2] | 0;
			const s1h = rotrSH(W2h, W2l, 19) ^ rotrBH(W2h, W2l, 61) ^ shrSH(W2h, W2l, 6);
			const s1l = rotrSL(W2h, W2l, 19) ^ rotrBL(W2h, W2l, 61) ^ shrSL(W2h, W2l, 6);
			const SUMl = add4L(s0l, s1l, SHA512_W_L[i - 7], SHA512_W_L[i - 16]);
			const SUMh = add4H(SUMl, s0h, s1h, SHA512_W_H[i - 7], SHA512_W_H[i - 16]);
			SHA512_W_H[i] = SUMh | 0;
			SHA512_W_L[i] = SUMl | 0;
		}
		let { Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl } = this;
		for (let i = 0; i < 80; i++) {
			const sigma1h = rotrSH(Eh, El, 14) ^ rotrSH(Eh, El, 18) ^ rotrBH(Eh, El, 41);
			const sigma1l = rotrSL(Eh, El, 14) ^ rotrSL(Eh, El, 18) ^ rotrBL(Eh, El, 41);
			const CHIh = (Eh & Fh) ^ (~Eh & Gh);
			const CHIl = (El & Fl) ^ (~El & Gl);
			const T1ll = add5L(Hl, sigma1l, CHIl, SHA512_Kl[i], SHA512_W_L[i]);
			const T1h = add5H(T1ll, Hh, sigma1h, CHIh, SHA512_Kh[i], SHA512_W_H[i]);
			const T1l = T1ll | 0;
			const sigma0h = rotrSH(Ah, Al, 28) ^ rotrBH(Ah, Al, 34) ^ rotrBH(Ah, Al, 39);
			const sigma0l = rotrSL(Ah, Al, 28) ^ rotrBL(Ah, Al, 34) ^ rotrBL(Ah, Al, 39);
			const MAJh = (Ah & Bh) ^ (Ah & Ch) ^ (Bh & Ch);
			const MAJl = (Al & Bl) ^ (Al & Cl) ^ (Bl & Cl);
			Hh = Gh | 0;
			Hl = Gl | 0;
			Gh = Fh | 0;
			Gl = Fl | 0;
			Fh = Eh | 0;
			Fl = El | 0;
			({ h: Eh, l: El } = add(Dh | 0, Dl | 0, T1h | 0, T1l | 0));
			Dh = Ch | 0;
			Dl = Cl | 0;
			Ch = Bh | 0;
			Cl = Bl | 0;
			Bh = Ah | 0;
			Bl = Al | 0;
			const All = add3L(T1l, sigma0l, MAJl);
			Ah = add3H(All, T1h, sigma0h, MAJh);
			Al = All | 0;
		}
		({ h: Ah, l: Al } = add(this.Ah | 0, this.Al | 0, Ah | 0, Al | 0));
		({ h: Bh, l: Bl } = add(this.Bh | 0, this.Bl | 0, Bh | 0, Bl | 0));
		({ h: Ch, l: Cl } = add(this.Ch | 0, this.Cl | 0, Ch | 0, Cl | 0));
		({ h: Dh, l: Dl } = add(this.Dh | 0, this.Dl | 0, Dh | 0, Dl | 0));
		({ h: Eh, l: El } = add(this.Eh | 0, this.El | 0, Eh | 0, El | 0));
		({ h: Fh, l: Fl } = add(this.Fh | 0, this.Fl | 0, Fh | 0, Fl | 0));
		({ h: Gh, l: Gl } = add(this.Gh | 0, this.Gl | 0, Gh | 0, Gl | 0));
		({ h: Hh, l: Hl } = add(this.Hh | 0, this.Hl | 0, Hh | 0, Hl | 0));
		this.set(Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl);
	}
	roundClean() {
		utils_clean(SHA512_W_H, SHA512_W_L);
	}
	destroy() {
		this.destroyed = true;
		utils_clean(this.buffer);
		this.set(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	}
}
class _SHA512 extends SHA2_64B {
	constructor() {
		super(64, SHA512_IV);
	}
}
class _SHA384 extends SHA2_64B {
	constructor() {
		super(48, SHA384_IV);
	}
}
const T224_IV =   Uint32Array.from([
	0x8c3d37c8, 0x19544da2, 0x73e19966, 0x89dcd4d6, 0x1dfab7ae, 0x32ff9c82, 0x679dd514, 0x582f9fcf,
	0x0f6d2b69, 0x7bd44da8, 0x77e36f73, 0x04c48942, 0x3f9d85a8, 0x6a1d36c8, 0x1112e6ad, 0x91d692a1,
]);
const T256_IV =   Uint32Array.from([
	0x22312194, 0xfc2bf72c, 0x9f555fa3, 0xc84c64c2, 0x2393b86b, 0x6f53b151, 0x96387719, 0x5940eabd,
	0x96283ee2, 0xa88effe3, 0xbe5e1e25, 0x53863992, 0x2b0199fc, 0x2c85b8aa, 0x0eb72ddc, 0x81c52ca2,
]);
class _SHA512_224 extends SHA2_64B {
	constructor() {
		super(28, T224_IV);
	}
}
class _SHA512_256 extends SHA2_64B {
	constructor() {
		super(32, T256_IV);
	}
}
const sha2_sha256 =   utils_createHasher(() => new _SHA256(),
  utils_oidNist(0x01));
const sha224 =   (  null && (createHasher(() => new _SHA224(),
  oidNist(0x04))));
const sha2_sha512 =   utils_createHasher(() => new _SHA512(),
  utils_oidNist(0x03));
const sha2_sha384 =   (  null && (createHasher(() => new _SHA384(),
  oidNist(0x02))));
const sha512_256 =   (  null && (createHasher(() => new _SHA512_256(),
  oidNist(0x06))));
const sha512_224 =   (  null && (createHasher(() => new _SHA512_224(),
  oidNist(0x05))));
;
const freeze = (fn) => Object.freeze(fn());
function base_isBytes(a) {
	return (a instanceof Uint8Array ||
		(ArrayBuffer.isView(a) &&
			a.constructor.name === 'Uint8Array' &&
			'BYTES_PER_ELEMENT' in a &&
			a.BYTES_PER_ELEMENT === 1));
}
function base_abytes(b) {
	if (!base_isBytes(b))
		throw new TypeError('Uint8Array expected');
}
function isArrayOf(isString, arr) {
	if (!Array.isArray(arr))
		return false;
	if (arr.length === 0)
		return true;
	if (isString) {
		return arr.every((item) => typeof item === 'string');
	}
	else {
		return arr.every((item) => Number.isSafeInteger(item));
	}
}
function afn(input) {
	if (typeof input !== 'function')
		throw new TypeError('function expected');
	return true;
}
function astr(label, input) {
	if (typeof input !== 'string')
		throw new TypeError(`${label}: string expected`);
	return true;
}
function base_anumber(n, title = 'number') {
	if (typeof n !== 'number')
		throw new TypeError(`${title}: expected number, got ${typeof n}`);
	if (!Number.isSafeInteger(n))
		throw new RangeError(`${title}: expected safe integer, got ${n}`);
}
function anumArr(label, input) {
	if (!isArrayOf(false, input))
		throw new TypeError(`${label}: array of numbers expected`);
}
function chain(...args) {
	const id = (a) => a;
	const wrap = (a, b) => (c) => a(b(c));
	const encode = args.map((x) => x.encode).reduceRight(wrap, id);
	const decode = args.map((x) => x.decode).reduce(wrap, id);
	return { encode, decode };
}
function normalize(fn) {
	afn(fn);
	return { encode: (from) => from, decode: (to) => fn(to) };
}
const powers =   (() => {
	let res = [];
	for (let i = 0; i < 40; i++)
		res.push(2 ** i);
	return res;
})();
function u8ToNumArr(u8, len = u8.length) {
	const res = new Array(len);
	for (let i = 0; i < len; i++)
		res[i] = u8[i];
	return res;
}
const asciiDecoder =   (() => {
	try {
		const decoder = new TextDecoder();
		return decoder.decode(Uint8Array.of(0x41, 0x30, 0x2b, 0x7f)) === 'A0+\x7f'
			? decoder
			: undefined;
	}
	catch (e) {
		return undefined;
	}
})();
const B2S_CHUNK = 8192;
function charcodesToString(codes) {
	const len = codes.length;
	if (asciiDecoder !== undefined && len >= 12)
		return asciiDecoder.decode(codes);
	if (len <= B2S_CHUNK)
		return String.fromCharCode.apply(null, codes);
	let res = '';
	for (let i = 0; i < len; i += B2S_CHUNK)
		res += String.fromCharCode.apply(null, codes.subarray(i, i + B2S_CHUNK));
	return res;
}
function radix2(bits) {
	base_anumber(bits);
	if (bits <= 0 || bits > 8)
		throw new RangeError('radix2: bits should be in (0..8]');
	const mask = powers[bits] - 1;
	return {
		encode: (bytes) => {
			base_abytes(bytes);
			const len = bytes.length;
			const res = new Uint8Array(Math.ceil((len * 8) / bits));
			let carry = 0;
			let pos = 0;
			let j = 0;
			for (let i = 0; i < len;) {
				if (i + 2 < len) {
					carry = (carry << 24) | (bytes[i] << 16) | (bytes[i + 1] << 8) | bytes[i + 2];
					pos += 24;
					i += 3;
				}
				else {
					carry = ((carry << 8) | bytes[i]) & 0xffff;
					pos += 8;
					i++;
				}
				for (;;) {
					pos -= bits;
					res[j++] = (carry >> pos) & mask;
					if (pos < bits)
						break;
				}
			}
			if (pos > 0)
				res[j] = (carry << (bits - pos)) & mask;
			return res;
		},
		decode: (digits) => {
			const len = digits.length;
			const res = new Uint8Array(Math.floor((len * bits) / 8));
			let carry = 0;
			let pos = 0;
			let j = 0;
			for (let i = 0; i < len; i++) {
				carry = ((carry << bits) | digits[i]) & 0xffff;
				pos += bits;
				for (; pos >= 8; pos -= 8)
					res[j++] = (carry >> (pos - 8)) & 0xff;
			}
			carry = (carry << (8 - pos)) & 0xff;
			if (pos >= bits)
				throw new Error('Excess padding');
			if (carry > 0)
				throw new Error(`Non-zero padding: ${carry}`);
			return res;
		},
	};
}
function alphabet(letters, aliases) {
	const len = letters.length;
	if (len > 128)
		throw new Error('alphabet: max 128 letters');
	const encTable = new Uint8Array(len);
	const decTable = new Int8Array(128).fill(-1);
	for (let i = 0; i < len; i++) {
		const code = letters.charCodeAt(i);
		if (letters.codePointAt(i) !== code || code > 127)
			throw new Error('alphabet: single-char ASCII letters only');
		encTable[i] = code;
		decTable[code] = i;
	}
	if (aliases !== undefined) {
		for (const alias of Object.keys(aliases)) {
			const code = alias.charCodeAt(0);
			const target = decTable[aliases[alias].charCodeAt(0)];
			if (alias.length !== 1 || code > 127 || target === undefined || target === -1)
				throw new Error(`alphabet: invalid alias ${alias}`);
			decTable[code] = target;
		}
	}
	return {
		encode: (digits) => {
			const codes = new Uint8Array(digits.length);
			for (let i = 0; i < digits.length; i++) {
				const d = digits[i];
				const code = encTable[d];
				if (code === undefined)
					throw new Error(`alphabet.encode: invalid digit ${d}`);
				codes[i] = code;
			}
			return charcodesToString(codes);
		},
		decode: (input) => {
			astr('decode', input);
			const slen = input.length;
			const digits = new Uint8Array(slen);
			for (let i = 0; i < slen; i++) {
				const code = input.charCodeAt(i);
				const digit = code < 128 ? decTable[code] : -1;
				if (digit === -1)
					throw new Error(`Unknown letter "${input[i]}". Allowed: ${letters}`);
				digits[i] = digit;
			}
			return digits;
		},
	};
}
function padding(bits, chr = '=') {
	base_anumber(bits);
	astr('padding', chr);
	return {
		encode(data) {
			while ((data.length * bits) % 8)
				data += chr;
			return data;
		},
		decode(input) {
			astr('decode', input);
			let end = input.length;
			if ((end * bits) % 8)
				throw new Error('padding: invalid length');
			for (; end > 0 && input[end - 1] === chr; end--) {
				const byte = (end - 1) * bits;
				if (byte % 8 === 0)
					throw new Error('padding: excess padding');
			}
			return input.slice(0, end);
		},
	};
}
function unsafeWrapper(fn) {
	afn(fn);
	return function (...args) {
		try {
			return fn.apply(null, args);
		}
		catch (e) { }
	};
}
function checksum(len, fn) {
	base_anumber(len);
	if (len <= 0)
		throw new RangeError(`checksum length must be positive: ${len}`);
	afn(fn);
	const _fn = fn;
	return {
		encode(data) {
			base_abytes(data);
			const sum = _fn(data).slice(0, len);
			const res = new Uint8Array(data.length + len);
			res.set(data);
			res.set(sum, data.length);
			return res;
		},
		decode(data) {
			base_abytes(data);
			const payload = data.slice(0, -len);
			const oldChecksum = data.slice(-len);
			const newChecksum = _fn(payload).slice(0, len);
			for (let i = 0; i < len; i++)
				if (newChecksum[i] !== oldChecksum[i])
					throw new Error('Invalid checksum');
			return payload;
		},
	};
}
const base16 =   (  null && (freeze(() => chain(radix2(4), alphabet('0123456789ABCDEF')))));
const base32 =   (  null && (freeze(() => chain(radix2(5), alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'), padding(5)))));
const base32nopad =   (  null && (freeze(() => chain(radix2(5), alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')))));
const base32hex =   (  null && (freeze(() => chain(radix2(5), alphabet('0123456789ABCDEFGHIJKLMNOPQRSTUV'), padding(5)))));
const base32hexnopad =   (  null && (freeze(() => chain(radix2(5), alphabet('0123456789ABCDEFGHIJKLMNOPQRSTUV')))));
const BASE32_CROCKFORD_ASCII = /^[\x00-\x7f]*$/;
const base32crockford =   (  null && (freeze(() => chain(radix2(5), alphabet('0123456789ABCDEFGHJKMNPQRSTVWXYZ'), normalize((s) => {
	astr('base32crockford.decode', s);
	const upper = s.toUpperCase();
	if (s !== upper && !BASE32_CROCKFORD_ASCII.test(s))
		throw new Error('base32crockford.decode: ASCII expected');
	return upper.replace(/O/g, '0').replace(/[IL]/g, '1');
})))));
const hasBase64Builtin =   (() => typeof Uint8Array.from([]).toBase64 === 'function' &&
	typeof Uint8Array.fromBase64 === 'function')();
const ASCII_WHITESPACE = /[\t\n\f\r ]/;
const decodeBase64Builtin = (s, isUrl) => {
	astr('base64', s);
	const alphabet = isUrl ? 'base64url' : 'base64';
	if (s.length > 0 && ASCII_WHITESPACE.test(s))
		throw new Error('invalid base64');
	return Uint8Array.fromBase64(s, { alphabet, lastChunkHandling: 'strict' });
};
const base64Fallback =   freeze(() => chain(radix2(6), alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'), padding(6)));
const base64urlFallback =   (  null && (freeze(() => chain(radix2(6), alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'), padding(6)))));
const base64 =   freeze(() => hasBase64Builtin ? {
	encode(b) { base_abytes(b); return b.toBase64(); },
	decode(s) { return decodeBase64Builtin(s, false); },
} : base64Fallback);
const base_base64nopad =   freeze(() => chain(radix2(6), alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/')));
const base64url =   (  null && (freeze(() => hasBase64Builtin ? {
	encode(b) { base_abytes(b); return b.toBase64({ alphabet: 'base64url' }); },
	decode(s) { return decodeBase64Builtin(s, true); },
} : base64urlFallback)));
const base64urlnopad =   (  null && (freeze(() => chain(radix2(6), alphabet('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')))));
const B58_GROUP = 656356768;
const B36_GROUP = 60466176;
const RADIX_BASE_N_MAX_LENGTH = 65536;
const BASE_N_MAX_BYTES = 2048;
const BASE_N_MAX_CHARS = 4096;
const radixBaseN = (BASE, GROUP) => ({
	encode: (bytes) => {
		base_abytes(bytes);
		const blen = bytes.length;
		if (blen === 0)
			return new Uint8Array(0);
		if (blen >= RADIX_BASE_N_MAX_LENGTH)
			throw new Error('invalid length');
		let zeros = 0;
		while (zeros < blen - 1 && bytes[zeros] === 0)
			zeros++;
		const nlimbs = Math.ceil(blen / 2);
		const limbs = new Uint16Array(nlimbs);
		const odd = blen & 1;
		if (odd)
			limbs[0] = bytes[0];
		for (let i = odd, j = odd; i < blen; i += 2, j++)
			limbs[j] = (bytes[i] << 8) | bytes[i + 1];
		const groups = [];
		let pos = 0;
		while (pos < nlimbs) {
			let carry = 0;
			for (let i = pos; i < nlimbs; i++) {
				const cur = carry * 0x10000 + limbs[i];
				const q = Math.floor(cur / GROUP);
				carry = cur - q * GROUP;
				limbs[i] = q;
				if (q === 0 && i === pos)
					pos++;
			}
			groups.push(carry);
		}
		const top = groups.length - 1;
		let sig = top * 5;
		for (let v = groups[top];; v = Math.floor(v / BASE)) {
			sig++;
			if (v < BASE)
				break;
		}
		const res = new Uint8Array(zeros + sig);
		let j = res.length - 1;
		for (let g = 0; g < top; g++) {
			let v = groups[g];
			for (let k = 0; k < 5; k++) {
				res[j--] = v % BASE;
				v = Math.floor(v / BASE);
			}
		}
		for (let v = groups[top]; j >= zeros; v = Math.floor(v / BASE))
			res[j--] = v % BASE;
		return res;
	},
	decode: (digits) => {
		base_abytes(digits);
		const dlen = digits.length;
		if (dlen === 0)
			return new Uint8Array(0);
		if (dlen >= RADIX_BASE_N_MAX_LENGTH)
			throw new Error('invalid length');
		let zeros = 0;
		while (zeros < dlen - 1 && digits[zeros] === 0)
			zeros++;
		const limbs = new Uint16Array(Math.ceil((dlen * 6) / 16) + 1);
		let used = 0;
		let i = 0;
		let group = dlen % 5 || 5;
		while (i < dlen) {
			let gval = 0;
			let factor = 1;
			for (const end = i + group; i < end; i++) {
				const d = digits[i];
				if (d >= BASE)
					throw new Error(`invalid integer: ${d}`);
				gval = gval * BASE + d;
				factor *= BASE;
			}
			group = 5;
			let carry = gval;
			for (let k = 0; k < used; k++) {
				const cur = limbs[k] * factor + carry;
				carry = Math.floor(cur / 0x10000);
				limbs[k] = cur - carry * 0x10000;
			}
			for (; carry > 0; carry = Math.floor(carry / 0x10000))
				limbs[used++] = carry % 0x10000;
		}
		const valueBytes = used === 0 ? 1 : used * 2 - (limbs[used - 1] < 256 ? 1 : 0);
		const res = new Uint8Array(zeros + valueBytes);
		let j = res.length - 1;
		for (let k = 0; k < used; k++) {
			const limb = limbs[k];
			res[j--] = limb & 0xff;
			if (j >= zeros)
				res[j--] = limb >> 8;
		}
		return res;
	},
});
const genBaseN = (radix, abc) => {
	const letters = alphabet(abc);
	return {
		encode(bytes) {
			base_abytes(bytes);
			if (bytes.length > BASE_N_MAX_BYTES)
				throw new Error('invalid length');
			return letters.encode(radix.encode(bytes));
		},
		decode(str) {
			astr('baseN.decode', str);
			if (str.length > BASE_N_MAX_CHARS)
				throw new Error('invalid length');
			return radix.decode(letters.decode(str));
		},
	};
};
const radix58 =   (  null && (radixBaseN(58, B58_GROUP)));
const base36 =   (  null && (freeze(() => genBaseN(radixBaseN(36, B36_GROUP), '0123456789abcdefghijklmnopqrstuvwxyz'))));
const genBase58 = (abc) => genBaseN(radix58, abc);
const base58 =   (  null && (freeze(() => genBase58('123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'))));
const base58flickr =   (  null && (freeze(() => genBase58('123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ'))));
const base58xrp =   (  null && (freeze(() => genBase58('rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz'))));
const XMR_BLOCK_LEN = (  null && ([0, 2, 3, 5, 6, 7, 9, 10, 11]));
const base58xmr =   (  null && (freeze(() => ({
	encode(data) {
		base_abytes(data);
		let res = '';
		for (let i = 0; i < data.length; i += 8) {
			const block = data.subarray(i, i + 8);
			res += base58.encode(block).padStart(XMR_BLOCK_LEN[block.length], '1');
		}
		return res;
	},
	decode(str) {
		astr('base58xmr.decode', str);
		const strLen = str.length;
		const tailChars = strLen % 11;
		const tailBytes = tailChars === 0 ? 0 : XMR_BLOCK_LEN.indexOf(tailChars);
		if (tailBytes === -1)
			throw new Error(`base58xmr: invalid block length ${tailChars}`);
		const res = new Uint8Array(Math.floor(strLen / 11) * 8 + tailBytes);
		let w = 0;
		for (let i = 0; i < strLen; i += 11) {
			const slice = str.slice(i, i + 11);
			const blockLen = slice.length === 11 ? 8 : tailBytes;
			const block = base58.decode(slice);
			for (let j = 0; j < block.length - blockLen; j++) {
				if (block[j] !== 0)
					throw new Error('base58xmr: wrong padding');
			}
			for (let j = block.length - blockLen; j < block.length; j++)
				res[w++] = block[j];
		}
		return res;
	},
}))));
const createBase58check = (sha256) => {
	afn(sha256);
	const _sha256 = sha256;
	return chain(checksum(4, (data) => _sha256(_sha256(data))), base58);
};
const base58check = (  null && (createBase58check));
const BECH_ALPHABET =   alphabet('qpzry9x8gf2tvdw0s3jn54khce6mua7l');
const BECH_UPPERCASE_PRINTABLE = /^[\x21-\x60\x7b-\x7e]+$/;
function assertBech32Printable(label, value) {
	for (let i = 0; i < value.length; i++) {
		const c = value.charCodeAt(i);
		if (c < 33 || c > 126)
			throw new Error(`${label}: printable ASCII expected`);
	}
}
function wordsToU8(words) {
	const len = words.length;
	const res = new Uint8Array(len);
	for (let i = 0; i < len; i++) {
		const w = words[i];
		if (w < 0 || w >= 32)
			throw new Error(`alphabet.encode: invalid digit ${w}`);
		res[i] = w;
	}
	return res;
}
const POLYMOD_GENERATORS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
function bech32Polymod(pre) {
	const b = pre >> 25;
	let chk = (pre & 0x1ffffff) << 5;
	for (let i = 0; i < POLYMOD_GENERATORS.length; i++) {
		if (((b >> i) & 1) === 1)
			chk ^= POLYMOD_GENERATORS[i];
	}
	return chk;
}
function bechChecksum(prefix, words, encodingConst = 1) {
	const len = prefix.length;
	let chk = 1;
	for (let i = 0; i < len; i++) {
		const c = prefix.charCodeAt(i);
		if (c < 33 || c > 126)
			throw new Error(`Invalid prefix (${prefix})`);
		chk = bech32Polymod(chk) ^ (c >> 5);
	}
	chk = bech32Polymod(chk);
	for (let i = 0; i < len; i++)
		chk = bech32Polymod(chk) ^ (prefix.charCodeAt(i) & 0x1f);
	for (let v of words)
		chk = bech32Polymod(chk) ^ v;
	for (let i = 0; i < 6; i++)
		chk = bech32Polymod(chk);
	chk ^= encodingConst;
	const sum = new Uint8Array(6);
	for (let i = 0; i < 6; i++)
		sum[i] = (chk >>> (5 * (5 - i))) & 31;
	return BECH_ALPHABET.encode(sum);
}
function genBech32(encoding) {
	const ENCODING_CONST = encoding === 'bech32' ? 1 : 0x2bc830a3;
	const _words = radix2(5);
	const toWords = (from) => {
		base_abytes(from);
		const len = from.length;
		const res = new Array(Math.ceil((len * 8) / 5));
		let carry = 0;
		let pos = 0;
		let j = 0;
		for (let i = 0; i < len; i++) {
			carry = (carry << 8) | from[i];
			pos += 8;
			for (; pos >= 5; pos -= 5)
				res[j++] = (carry >> (pos - 5)) & 31;
		}
		if (pos > 0)
			res[j] = (carry << (5 - pos)) & 31;
		return res;
	};
	const fromWords = (to) => {
		anumArr('radix2.decode', to);
		const len = to.length;
		const digits = new Uint8Array(len);
		for (let i = 0; i < len; i++) {
			const w = to[i];
			if (w < 0 || w >= 32)
				throw new Error(`convertRadix2: invalid word=${w}`);
			digits[i] = w;
		}
		return _words.decode(digits);
	};
	const fromWordsUnsafe = unsafeWrapper(fromWords);
	function encode(prefix, words, limit = 90) {
		astr('bech32.encode prefix', prefix);
		if (limit !== false)
			base_anumber(limit, 'limit');
		if (base_isBytes(words))
			words = u8ToNumArr(words);
		anumArr('bech32.encode', words);
		const plen = prefix.length;
		if (plen === 0)
			throw new TypeError(`Invalid prefix length ${plen}`);
		const actualLength = plen + 7 + words.length;
		if (limit !== false && actualLength > limit)
			throw new TypeError(`Length ${actualLength} exceeds limit ${limit}`);
		assertBech32Printable('bech32.encode prefix', prefix);
		const lowered = prefix.toLowerCase();
		const sum = bechChecksum(lowered, words, ENCODING_CONST);
		return `${lowered}1${BECH_ALPHABET.encode(wordsToU8(words))}${sum}`;
	}
	function decode(str, limit = 90) {
		astr('bech32.decode input', str);
		if (limit !== false)
			base_anumber(limit, 'limit');
		const slen = str.length;
		if (slen < 8 || (limit !== false && slen > limit))
			throw new TypeError(`invalid string length ${slen}, expected (8..${limit})`);
		const lowered = str.toLowerCase();
		if (str !== lowered) {
			if (!BECH_UPPERCASE_PRINTABLE.test(str)) {
				assertBech32Printable('bech32.decode input', str);
				throw new Error(`mixed-case string not allowed`);
			}
		}
		const sepIndex = lowered.lastIndexOf('1');
		if (sepIndex === 0 || sepIndex === -1)
			throw new Error(`invalid separator "1"`);
		const prefix = lowered.slice(0, sepIndex);
		const data = lowered.slice(sepIndex + 1);
		if (data.length < 6)
			throw new Error('invalid data length');
		const digits = BECH_ALPHABET.decode(data);
		const words = u8ToNumArr(digits, digits.length - 6);
		const sum = bechChecksum(prefix, words, ENCODING_CONST);
		if (!data.endsWith(sum))
			throw new Error(`Invalid checksum in ${str}`);
		return { prefix, words };
	}
	const decodeUnsafe = unsafeWrapper(decode);
	function decodeToBytes(str, limit = 90) {
		const { prefix, words } = decode(str, limit);
		return {
			prefix,
			words,
			bytes: fromWords(words),
		};
	}
	function encodeFromBytes(prefix, bytes) {
		return encode(prefix, toWords(bytes));
	}
	return {
		encode,
		decode,
		encodeFromBytes,
		decodeToBytes,
		decodeUnsafe,
		fromWords,
		fromWordsUnsafe,
		toWords,
	};
}
const base_bech32 =   freeze(() => genBech32('bech32'));
const bech32m =   (  null && (freeze(() => genBech32('bech32m'))));
const ascii =   (  null && (freeze(() => ({
	encode(data) {
		base_abytes(data);
		for (let i = 0; i < data.length; i++) {
			const byte = data[i];
			if (byte > 127)
				throw new RangeError(`non-ASCII byte ${byte} at ${i}`);
		}
		return charcodesToString(data);
	},
	decode(str) {
		if (typeof str !== 'string')
			throw new TypeError('ascii string expected, got ' + typeof str);
		const res = new Uint8Array(str.length);
		for (let i = 0; i < str.length; i++) {
			const charCode = str.charCodeAt(i);
			if (charCode > 127)
				throw new RangeError(`non-ASCII char "${str[i]}" (${charCode}) at ${i}`);
			res[i] = charCode;
		}
		return res;
	},
}))));
const _isWellFormedShim = (str) => {
	try {
		return encodeURI(str) !== null;
	}
	catch {
		return false;
	}
};
const _isWellFormed =   (  null && ((() =>
typeof ''.isWellFormed === 'function'
	? (str) => str.isWellFormed()
	: _isWellFormedShim)()));
const utf8err = (i) => new TypeError(`invalid utf8 at byte ${i}`);
const utf8Fallback =   (  null && (freeze(() => ({
	encode(data) {
		base_abytes(data);
		let res = '';
		for (let i = 0; i < data.length;) {
			const a = data[i++];
			if (a < 0b1000_0000) {
				res += String.fromCharCode(a);
				continue;
			}
			if (a < 0b1100_0010 || i >= data.length)
				throw utf8err(i - 1);
			const b = data[i++];
			if ((b & 0b1100_0000) !== 0b1000_0000)
				throw utf8err(i - 1);
			let cp = ((a & 0b0001_1111) << 6) | (b & 0b0011_1111);
			if (a >= 0b1110_0000) {
				if (i >= data.length)
					throw utf8err(i - 1);
				const c = data[i++];
				if ((c & 0b1100_0000) !== 0b1000_0000 ||
					(a === 0b1110_0000 && b < 0b1010_0000) ||
					(a === 0xed && b >= 0b1010_0000))
					throw utf8err(i - 1);
				cp = ((a & 0b0000_1111) << 12) | ((b & 0b0011_1111) << 6) | (c & 0b0011_1111);
				if (a >= 0b1111_0000) {
					if (i >= data.length)
						throw utf8err(i - 1);
					const d = data[i++];
					if (a > 0b1111_0100 ||
						(d & 0b1100_0000) !== 0b1000_0000 ||
						(a === 0b1111_0000 && b < 0b1001_0000) ||
						(a === 0b1111_0100 && b >= 0b1001_0000))
						throw utf8err(i - 1);
					cp =
						((a & 7) << 18) |
							((b & 0b0011_1111) << 12) |
							((c & 0b0011_1111) << 6) |
							(d & 0b0011_1111);
				}
			}
			if (cp < 0x10000)
				res += String.fromCharCode(cp);
			else {
				cp -= 0x10000;
				res += String.fromCharCode((cp >> 10) + 0xd800, (cp & 0x3ff) + 0xdc00);
			}
		}
		return res;
	},
	decode(str) {
		astr('utf8', str);
		if (!_isWellFormed(str))
			throw new TypeError('utf8 expected well-formed string');
		const res = new Uint8Array(str.length * 3);
		let pos = 0;
		for (let i = 0; i < str.length; i++) {
			let c = str.charCodeAt(i);
			if (c < 0b1000_0000) {
				res[pos++] = c;
				continue;
			}
			if (c >= 0xd800 && c <= 0xdfff) {
				const d = str.charCodeAt(++i);
				c = 0x10000 + ((c - 0xd800) << 10) + d - 0xdc00;
			}
			if (c >= 0x10000) {
				res[pos++] = (c >> 18) | 0b1111_0000;
				res[pos++] = ((c >> 12) & 0b0011_1111) | 0b1000_0000;
			}
			else if (c >= 0x800)
				res[pos++] = (c >> 12) | 0b1110_0000;
			else
				res[pos++] = (c >> 6) | 0b1100_0000;
			if (c >= 0x800)
				res[pos++] = ((c >> 6) & 0b0011_1111) | 0b1000_0000;
			res[pos++] = (c & 0b0011_1111) | 0b1000_0000;
		}
		return res.subarray(0, pos);
	},
}))));
const utf8 =   (  null && (freeze(() => {
	let _utf8Encoder;
	let _utf8Decoder;
	const utf8Builtin = {
		encode(data) {
			base_abytes(data);
			return (_utf8Decoder || (_utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }))).decode(data);
		},
		decode(str) {
			astr('utf8', str);
			if (!_isWellFormed(str))
				throw new TypeError('utf8 expected well-formed string');
			return (_utf8Encoder || (_utf8Encoder = new TextEncoder())).encode(str);
		},
	};
	return {
		encode: typeof TextDecoder === 'function' ? utf8Builtin.encode : utf8Fallback.encode,
		decode: typeof TextEncoder === 'function' ? utf8Builtin.decode : utf8Fallback.decode,
	};
})));
const hexFallback =   (  null && (freeze(() => chain(radix2(4),
alphabet('0123456789abcdef', { A: 'a', B: 'b', C: 'c', D: 'd', E: 'e', F: 'f' }), normalize((s) => {
	astr('hex', s);
	if (s.length % 2 !== 0)
		throw new TypeError(`hex.decode: odd-length string (${s.length})`);
	return s;
})))));
const __TESTS =   (  null && (freeze(() => ({
	alphabet: alphabet,
	base64Fallback: base64Fallback,
	base64urlFallback: base64urlFallback,
	hexFallback: hexFallback,
	radix2: radix2,
	radix58: radix58,
	checksum: checksum,
	utf8Fallback: utf8Fallback,
	_isWellFormedShim: _isWellFormedShim,
}))));
const base_hasHexBuiltin =   (  null && ((() =>
typeof Uint8Array.from([]).toHex === 'function' &&
	typeof Uint8Array.fromHex === 'function')()));
const hexBuiltin = {
	encode(data) { base_abytes(data); return data.toHex(); },
	decode(s) { astr('hex', s); return Uint8Array.fromHex(s); },
};
const hex =   (  null && (freeze(() => base_hasHexBuiltin ? hexBuiltin : hexFallback)));
;
function pbkdf2Init(hash, _password, _salt, _opts) {
	ahash(hash);
	const opts = checkOpts({ dkLen: 32, asyncTick: 10 }, _opts);
	const { c, dkLen, asyncTick } = opts;
	utils_anumber(c, 'c');
	utils_anumber(dkLen, 'dkLen');
	utils_anumber(asyncTick, 'asyncTick');
	if (c < 1)
		throw new Error('"c" (iterations) must be >= 1');
	if (dkLen < 1)
		throw new Error('"dkLen" must be >= 1');
	if (dkLen > (2 ** 32 - 1) * hash.outputLen)
		throw new Error('derived key too long');
	const p = kdfInputToBytes(_password, 'password');
	try {
		const s = kdfInputToBytes(_salt, 'salt');
		try {
			const DK = new Uint8Array(dkLen);
			const { iHash, oHash, outputLen } = hmac_hmac.create(hash, p);
			const u = new Uint8Array(outputLen);
			const eng = pbkdf2Engine(iHash, oHash, s, u);
			return { c, dkLen, asyncTick, DK, outputLen, eng };
		}
		finally {
			if (typeof _salt === 'string')
				utils_clean(s);
		}
	}
	finally {
		if (typeof _password === 'string')
			utils_clean(p);
	}
}
function pbkdf2Engine(iHash, oHash, salt, u) {
	const counter = new Uint8Array(4);
	const view = createView(counter);
	const salted = iHash._cloneInto().update(salt);
	const work = oHash._cloneInto();
	const iClone = iHash._cloneInto;
	const oClone = oHash._cloneInto;
	return {
		u1: (ti, Ti) => {
			view.setInt32(0, ti, false);
			salted._cloneInto(work).update(counter).digestInto(u);
			oHash._cloneInto(work).update(u).digestInto(u);
			Ti.set(u.subarray(0, Ti.length));
		},
		rounds: (c, Ti) => {
			for (let ui = 1; ui < c; ui++) {
				iClone.call(iHash, work).update(u).digestInto(u);
				oClone.call(oHash, work).update(u).digestInto(u);
				for (let i = 0; i < Ti.length; i++)
					Ti[i] ^= u[i];
			}
		},
		output: (DK) => {
			iHash.destroy();
			oHash.destroy();
			salted.destroy();
			work.destroy();
			utils_clean(u);
			return DK;
		},
	};
}
function pbkdf2(hash, password, salt, opts) {
	const { c, dkLen, DK, outputLen, eng } = pbkdf2Init(hash, password, salt, opts);
	for (let ti = 1, pos = 0; pos < dkLen; ti++, pos += outputLen) {
		const Ti = DK.subarray(pos, pos + outputLen);
		eng.u1(ti, Ti);
		eng.rounds(c, Ti);
	}
	return eng.output(DK);
}
async function pbkdf2Async(hash, password, salt, opts) {
	const { c, dkLen, asyncTick, DK, outputLen, eng } = pbkdf2Init(hash, password, salt, opts);
	const abort = () => {
		eng.output(DK);
		clean(DK);
	};
	for (let ti = 1, pos = 0; pos < dkLen; ti++, pos += outputLen) {
		const Ti = DK.subarray(pos, pos + outputLen);
		eng.u1(ti, Ti);
		await asyncLoop(c - 1, asyncTick, () => {
			eng.rounds(2, Ti);
		}, abort);
	}
	return eng.output(DK);
}
;
function XorAndSalsa(prev, pi, input, ii, out, oi) {
	let y00 = prev[pi++] ^ input[ii++], y01 = prev[pi++] ^ input[ii++];
	let y02 = prev[pi++] ^ input[ii++], y03 = prev[pi++] ^ input[ii++];
	let y04 = prev[pi++] ^ input[ii++], y05 = prev[pi++] ^ input[ii++];
	let y06 = prev[pi++] ^ input[ii++], y07 = prev[pi++] ^ input[ii++];
	let y08 = prev[pi++] ^ input[ii++], y09 = prev[pi++] ^ input[ii++];
	let y10 = prev[pi++] ^ input[ii++], y11 = prev[pi++] ^ input[ii++];
	let y12 = prev[pi++] ^ input[ii++], y13 = prev[pi++] ^ input[ii++];
	let y14 = prev[pi++] ^ input[ii++], y15 = prev[pi++] ^ input[ii++];
	let x00 = y00, x01 = y01, x02 = y02, x03 = y03, x04 = y04, x05 = y05, x06 = y06, x07 = y07, x08 = y08, x09 = y09, x10 = y10, x11 = y11, x12 = y12, x13 = y13, x14 = y14, x15 = y15;
	for (let i = 0; i < 8; i += 2) {
		x04 ^= rotl(x00 + x12 | 0, 7);
		x08 ^= rotl(x04 + x00 | 0, 9);
		x12 ^= rotl(x08 + x04 | 0, 13);
		x00 ^= rotl(x12 + x08 | 0, 18);
		x09 ^= rotl(x05 + x01 | 0, 7);
		x13 ^= rotl(x09 + x05 | 0, 9);
		x01 ^= rotl(x13 + x09 | 0, 13);
		x05 ^= rotl(x01 + x13 | 0, 18);
		x14 ^= rotl(x10 + x06 | 0, 7);
		x02 ^= rotl(x14 + x10 | 0, 9);
		x06 ^= rotl(x02 + x14 | 0, 13);
		x10 ^= rotl(x06 + x02 | 0, 18);
		x03 ^= rotl(x15 + x11 | 0, 7);
		x07 ^= rotl(x03 + x15 | 0, 9);
		x11 ^= rotl(x07 + x03 | 0, 13);
		x15 ^= rotl(x11 + x07 | 0, 18);
		x01 ^= rotl(x00 + x03 | 0, 7);
		x02 ^= rotl(x01 + x00 | 0, 9);
		x03 ^= rotl(x02 + x01 | 0, 13);
		x00 ^= rotl(x03 + x02 | 0, 18);
		x06 ^= rotl(x05 + x04 | 0, 7);
		x07 ^= rotl(x06 + x05 | 0, 9);
		x04 ^= rotl(x07 + x06 | 0, 13);
		x05 ^= rotl(x04 + x07 | 0, 18);
		x11 ^= rotl(x10 + x09 | 0, 7);
		x08 ^= rotl(x11 + x10 | 0, 9);
		x09 ^= rotl(x08 + x11 | 0, 13);
		x10 ^= rotl(x09 + x08 | 0, 18);
		x12 ^= rotl(x15 + x14 | 0, 7);
		x13 ^= rotl(x12 + x15 | 0, 9);
		x14 ^= rotl(x13 + x12 | 0, 13);
		x15 ^= rotl(x14 + x13 | 0, 18);
	}
	out[oi++] = (y00 + x00) | 0;
	out[oi++] = (y01 + x01) | 0;
	out[oi++] = (y02 + x02) | 0;
	out[oi++] = (y03 + x03) | 0;
	out[oi++] = (y04 + x04) | 0;
	out[oi++] = (y05 + x05) | 0;
	out[oi++] = (y06 + x06) | 0;
	out[oi++] = (y07 + x07) | 0;
	out[oi++] = (y08 + x08) | 0;
	out[oi++] = (y09 + x09) | 0;
	out[oi++] = (y10 + x10) | 0;
	out[oi++] = (y11 + x11) | 0;
	out[oi++] = (y12 + x12) | 0;
	out[oi++] = (y13 + x13) | 0;
	out[oi++] = (y14 + x14) | 0;
	out[oi++] = (y15 + x15) | 0;
}
function BlockMix(input, ii, out, oi, r) {
	let head = oi + 0;
	let tail = oi + 16 * r;
	for (let i = 0; i < 16; i++)
		out[tail + i] = input[ii + (2 * r - 1) * 16 + i];
	for (let i = 0; i < r; i++, head += 16, ii += 16) {
		XorAndSalsa(out, tail, input, ii, out, head);
		if (i > 0)
			tail += 16;
		XorAndSalsa(out, head, input, (ii += 16), out, tail);
	}
}
const SCRYPT_DEFAULT_MAXMEM = 128 * 8 * (2 ** 20 + 1 + 1);
function scryptInit(password, salt, _opts) {
	const opts = checkOpts({
		dkLen: 32,
		asyncTick: 10,
		maxmem: SCRYPT_DEFAULT_MAXMEM,
	}, _opts);
	const { N, r, p, dkLen, asyncTick, maxmem, onProgress } = opts;
	utils_anumber(N, 'N');
	utils_anumber(r, 'r');
	utils_anumber(p, 'p');
	utils_anumber(dkLen, 'dkLen');
	utils_anumber(asyncTick, 'asyncTick');
	utils_anumber(maxmem, 'maxmem');
	if (onProgress !== undefined && typeof onProgress !== 'function')
		throw new Error('"onProgress" must be a function');
	if (r < 1)
		throw new Error('"r" expected integer >= 1');
	const blockSize = 128 * r;
	const blockSize32 = blockSize / 4;
	const pow32 = Math.pow(2, 32);
	if (N <= 1 || (N & (N - 1)) !== 0 || N > pow32)
		throw new Error('"N" expected a power of 2, and 2^1 <= N <= 2^32');
	if (p < 1 || p > ((pow32 - 1) * 32) / blockSize)
		throw new Error('"p" expected integer 1..((2^32 - 1) * 32) / (128 * r)');
	if (dkLen < 1 || dkLen > (pow32 - 1) * 32)
		throw new Error('"dkLen" expected integer 1..(2^32 - 1) * 32');
	const memUsed = blockSize * (N + p + 1);
	if (memUsed > maxmem)
		throw new Error('"maxmem" limit was hit: memUsed(128*r*(N+p+1))=' + memUsed + ', maxmem=' + maxmem);
	const B = pbkdf2(sha2_sha256, password, salt, { c: 1, dkLen: blockSize * p });
	const B32 = u32(B);
	const V = u32(new Uint8Array(blockSize * N));
	const tmp = u32(new Uint8Array(blockSize));
	let blockMixCb = () => { };
	if (onProgress) {
		const totalBlockMix = 2 * N * p;
		const callbackPer = Math.max(Math.floor(totalBlockMix / 10000), 1);
		let blockMixCnt = 0;
		blockMixCb = () => {
			blockMixCnt++;
			if (onProgress && (!(blockMixCnt % callbackPer) || blockMixCnt === totalBlockMix)) {
				try {
					onProgress(blockMixCnt / totalBlockMix);
				}
				catch (e) {
					utils_clean(B, V, tmp);
					throw e;
				}
			}
		};
	}
	return { N, r, p, dkLen, blockSize32, V, B32, B, tmp, blockMixCb, asyncTick };
}
function scryptOutput(password, dkLen, B, V, tmp) {
	const res = pbkdf2(sha2_sha256, password, B, { c: 1, dkLen });
	utils_clean(B, V, tmp);
	return res;
}
function scrypt(password, salt, opts) {
	const { N, r, p, dkLen, blockSize32, V, B32, B, tmp, blockMixCb } = scryptInit(password, salt, opts);
	utils_swap32IfBE(B32);
	for (let pi = 0; pi < p; pi++) {
		const Pi = blockSize32 * pi;
		for (let i = 0; i < blockSize32; i++)
			V[i] = B32[Pi + i];
		for (let i = 0, pos = 0; i < N - 1; i++) {
			BlockMix(V, pos, V, (pos += blockSize32), r);
			blockMixCb();
		}
		BlockMix(V, (N - 1) * blockSize32, B32, Pi, r);
		blockMixCb();
		for (let i = 0; i < N; i++) {
			const j = (B32[Pi + blockSize32 - 16] & (N - 1)) >>> 0;
			for (let k = 0; k < blockSize32; k++)
				tmp[k] = B32[Pi + k] ^ V[j * blockSize32 + k];
			BlockMix(tmp, 0, B32, Pi, r);
			blockMixCb();
		}
	}
	utils_swap32IfBE(B32);
	return scryptOutput(password, dkLen, B, V, tmp);
}
async function scryptAsync(password, salt, opts) {
	const { N, r, p, dkLen, blockSize32, V, B32, B, tmp, blockMixCb, asyncTick } = scryptInit(password, salt, opts);
	const abort = () => clean(B, V, tmp);
	swap32IfBE(B32);
	for (let pi = 0; pi < p; pi++) {
		const Pi = blockSize32 * pi;
		for (let i = 0; i < blockSize32; i++)
			V[i] = B32[Pi + i];
		let pos = 0;
		await asyncLoop(N - 1, asyncTick, () => {
			BlockMix(V, pos, V, (pos += blockSize32), r);
			blockMixCb();
		}, abort);
		BlockMix(V, (N - 1) * blockSize32, B32, Pi, r);
		blockMixCb();
		await asyncLoop(N, asyncTick, () => {
			const j = (B32[Pi + blockSize32 - 16] & (N - 1)) >>> 0;
			for (let k = 0; k < blockSize32; k++)
				tmp[k] = B32[Pi + k] ^ V[j * blockSize32 + k];
			BlockMix(tmp, 0, B32, Pi, r);
			blockMixCb();
		}, abort);
	}
	swap32IfBE(B32);
	return scryptOutput(password, dkLen, B, V, tmp);
}
;
function utils_aarray(item, title, inner = () => { }) {
	if (!Array.isArray(item))
		throw new TypeError(`"${title}" expected array, got type=${typeof item}`);
	for (let i = 0; i < item.length; i++)
		inner(item[i], `${title}[${i}]`);
	return item;
}
function ciphers_utils_isBytes(a) {
	return (a instanceof Uint8Array ||
		(ArrayBuffer.isView(a) &&
			a.constructor.name === 'Uint8Array' &&
			'BYTES_PER_ELEMENT' in a &&
			a.BYTES_PER_ELEMENT === 1));
}
const utils_atitle = (title) => (title ? `"${title}" ` : '');
function utils_abool(value, title = '') {
	if (typeof value !== 'boolean')
		throw new TypeError(utils_atitle(title) + 'expected boolean, got type=' + typeof value);
	return value;
}
function ciphers_utils_anumber(n, title = '') {
	if (typeof n !== 'number')
		throw new TypeError(utils_atitle(title) + 'expected number, got ' + typeof n);
	if (!Number.isSafeInteger(n) || n < 0)
		throw new RangeError(utils_atitle(title) + 'expected integer >= 0, got ' + n);
	return n;
}
function ciphers_utils_abytes(value, length, title = '') {
	if (ciphers_utils_isBytes(value) && (length === undefined || value.length === length))
		return value;
	if (length !== undefined)
		ciphers_utils_anumber(length, 'length');
	const bytes = ciphers_utils_isBytes(value);
	const ofLen = length !== undefined ? ` of length ${length}` : '';
	const got = bytes ? `length=${value.length}` : `type=${typeof value}`;
	const message = utils_atitle(title) + 'expected Uint8Array' + ofLen + ', got ' + got;
	if (!bytes)
		throw new TypeError(message);
	throw new RangeError(message);
}
const utils_aobject = (value, label) => {
	if (value === null || typeof value !== 'object' || Array.isArray(value))
		throw new TypeError(label === 'object'
			? 'expected valid options object'
			: `"${label}" expected object, got type=${typeof value}`);
};
function utils_aexists(instance, checkFinished = true) {
	if (instance.destroyed)
		throw new Error('hash was destroyed');
	if (checkFinished && instance.finished)
		throw new Error('digest() was already called');
}
function utils_aoutput(out, instance) {
	ciphers_utils_abytes(out, undefined, 'output');
	const min = instance.outputLen;
	if (!(out.length >= min)) {
		throw new RangeError('"output" expected length >= ' + min);
	}
}
function aoutput32(out, instance) {
	utils_aoutput(out, instance);
	if (!isAligned32(out))
		throw new Error('invalid output, must be aligned');
}
function utils_u8(arr) {
	return new Uint8Array(arr.buffer, arr.byteOffset, arr.byteLength);
}
function utils_u32(arr) {
	return new Uint32Array(arr.buffer, arr.byteOffset, Math.floor(arr.byteLength / 4));
}
function ciphers_utils_clean(...arrays) {
	for (let i = 0; i < arrays.length; i++) {
		arrays[i].fill(0);
	}
}
function utils_createView(arr) {
	return new DataView(arr.buffer, arr.byteOffset, arr.byteLength);
}
const utils_isLE =   (() => new Uint8Array(new Uint32Array([0x11223344]).buffer)[0] === 0x44)();
function utils_byteSwap(word) {
	return (((word << 24) & 0xff000000) |
		((word << 8) & 0xff0000) |
		((word >>> 8) & 0xff00) |
		((word >>> 24) & 0xff));
}
const utils_swap8IfBE = (  null && (utils_isLE
	? (n) => n
	: (n) => utils_byteSwap(n) >>> 0));
function utils_byteSwap32(arr) {
	for (let i = 0; i < arr.length; i++) {
		arr[i] = utils_byteSwap(arr[i]);
	}
	return arr;
}
const ciphers_utils_swap32IfBE = utils_isLE
	? (u) => u
	: utils_byteSwap32;
const utils_hasHexBuiltin =   (  null && ((() =>
typeof Uint8Array.from([]).toHex === 'function' && typeof Uint8Array.fromHex === 'function')()));
const utils_hexes =   Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
function utils_bytesToHex(bytes) {
	ciphers_utils_abytes(bytes);
	if (utils_hasHexBuiltin)
		return bytes.toHex();
	let hex = '';
	for (let i = 0; i < bytes.length; i++) {
		hex += utils_hexes[bytes[i]];
	}
	return hex;
}
function utils_asciiToBase16(ch) {
	return ch >= 48 && ch <= 57 ? ch - 48
		: ch >= 65 && ch <= 70 ? ch - (65 - 10)
			: ch >= 97 && ch <= 102 ? ch - (97 - 10)
				: undefined;
}
function utils_hexToBytes(hex) {
	if (typeof hex !== 'string')
		throw new TypeError('hex string expected, got ' + typeof hex);
	if (utils_hasHexBuiltin) {
		try {
			return Uint8Array.fromHex(hex);
		}
		catch (error) {
			if (error instanceof SyntaxError)
				throw new RangeError(error.message);
			throw error;
		}
	}
	const hl = hex.length;
	const al = hl / 2;
	if (hl % 2)
		throw new RangeError('hex string expected, got unpadded hex of length ' + hl);
	const array = new Uint8Array(al);
	for (let ai = 0, hi = 0; ai < al; ai++, hi += 2) {
		const n1 = utils_asciiToBase16(hex.charCodeAt(hi));
		const n2 = utils_asciiToBase16(hex.charCodeAt(hi + 1));
		if (n1 === undefined || n2 === undefined) {
			const char = hex[hi] + hex[hi + 1];
			throw new RangeError('hex string expected, got non-hex character "' + char + '" at index ' + hi);
		}
		array[ai] = n1 * 16 + n2;
	}
	return array;
}
const _0n =   (  null && (BigInt(0)));
function hexToNumber(hex) {
	if (typeof hex !== 'string')
		throw new TypeError('hex string expected, got ' + typeof hex);
	return hex === '' ? _0n : BigInt('0x' + hex);
}
function utils_bytesToNumberBE(bytes) {
	return hexToNumber(utils_bytesToHex(bytes));
}
function abignumber(n) {
	if (typeof n === 'bigint') {
		if (!(_0n <= n))
			throw new RangeError('positive bigint expected, got ' + n);
	}
	else
		ciphers_utils_anumber(n);
	return n;
}
function numberToBytesBE(n, len) {
	ciphers_utils_anumber(len);
	if (len === 0)
		throw new Error('zero output length is invalid');
	n = abignumber(n);
	const expectedLen = len * 2;
	const hex = n.toString(16);
	if (hex.length > expectedLen)
		throw new RangeError('number is too large');
	return utils_hexToBytes(hex.padStart(expectedLen, '0'));
}
function utils_utf8ToBytes(str) {
	if (typeof str !== 'string')
		throw new TypeError('string expected');
	return new Uint8Array(new TextEncoder().encode(str));
}
function bytesToUtf8(bytes) {
	return new TextDecoder().decode(bytes);
}
function overlapBytes(a, b) {
	if (!a.byteLength || !b.byteLength)
		return false;
	return (a.buffer === b.buffer &&
		a.byteOffset < b.byteOffset + b.byteLength &&
		b.byteOffset < a.byteOffset + a.byteLength
	);
}
function complexOverlapBytes(input, output) {
	if (overlapBytes(input, output) && input.byteOffset < output.byteOffset)
		throw new Error('complex overlap of input and output is not supported');
}
function ciphers_utils_concatBytes(...arrays) {
	let sum = 0;
	for (let i = 0; i < arrays.length; i++) {
		const a = arrays[i];
		ciphers_utils_abytes(a);
		sum += a.length;
	}
	const res = new Uint8Array(sum);
	for (let i = 0, pad = 0; i < arrays.length; i++) {
		const a = arrays[i];
		res.set(a, pad);
		pad += a.length;
	}
	return res;
}
function utils_checkOpts(defaults, opts) {
	utils_aobject(defaults, 'defaults');
	utils_aobject(opts, 'opts');
	const merged = Object.assign(defaults, opts);
	return merged;
}
function equalBytes(a, b) {
	a = ciphers_utils_abytes(a);
	b = ciphers_utils_abytes(b);
	if (a.length !== b.length)
		return false;
	let diff = 0;
	for (let i = 0; i < a.length; i++)
		diff |= a[i] ^ b[i];
	return diff === 0;
}
function wrapMacConstructor(keyLen, macCons, fromMsg) {
	const mac = macCons;
	const getArgs = (fromMsg || (() => []));
	const macC = (msg, key) => mac(key, ...getArgs(msg))
		.update(msg)
		.digest();
	const tmp = mac(new Uint8Array(keyLen), ...getArgs(new Uint8Array(0)));
	macC.outputLen = tmp.outputLen;
	macC.blockLen = tmp.blockLen;
	macC.create = (key, ...args) => mac(key, ...args);
	return macC;
}
const wrapCipher = (params, constructor) => {
	function wrappedCipher(key, ...args) {
		ciphers_utils_abytes(key, undefined, 'key');
		if (params.nonceLength !== undefined) {
			const nonce = args[0];
			ciphers_utils_abytes(nonce, params.varSizeNonce ? undefined : params.nonceLength, 'nonce');
		}
		const tagl = params.tagLength;
		const aadStart = params.nonceLength !== undefined ? 1 : 0;
		if (!params.withAAD) {
			for (let i = aadStart; i < args.length; i++)
				if (ciphers_utils_isBytes(args[i]))
					throw new Error('AAD not supported');
		}
		if (params.withAAD && args[aadStart] !== undefined)
			ciphers_utils_abytes(args[aadStart], undefined, 'AAD');
		const cipher = constructor(key, ...args);
		const checkOutput = (fnLength, output) => {
			if (output !== undefined) {
				if (fnLength !== 2)
					throw new Error('cipher output not supported');
				ciphers_utils_abytes(output, undefined, 'output');
			}
		};
		let called = false;
		const wrCipher = {
			encrypt(data, output) {
				if (called)
					throw new Error('cannot encrypt() twice with same key + nonce');
				called = true;
				ciphers_utils_abytes(data, undefined, 'data');
				checkOutput(cipher.encrypt.length, output);
				return cipher.encrypt(data, output);
			},
			decrypt(data, output) {
				ciphers_utils_abytes(data, undefined, 'data');
				if (tagl && data.length < tagl)
					throw new Error('"ciphertext" expected length >= tagLength=' + tagl);
				checkOutput(cipher.decrypt.length, output);
				return cipher.decrypt(data, output);
			},
		};
		return wrCipher;
	}
	Object.assign(wrappedCipher, params);
	return wrappedCipher;
};
function getOutput(expectedLength, out, onlyAligned = true) {
	if (out === undefined)
		return new Uint8Array(expectedLength);
	ciphers_utils_abytes(out, expectedLength, 'output');
	if (onlyAligned && !isAligned32(out))
		throw new Error('invalid output, must be aligned');
	return out;
}
function u64Lengths(dataLength, aadLength, isLE) {
	ciphers_utils_anumber(dataLength);
	ciphers_utils_anumber(aadLength);
	utils_abool(isLE);
	const num = new Uint8Array(16);
	const view = utils_createView(num);
	view.setBigUint64(0, BigInt(aadLength), isLE);
	view.setBigUint64(8, BigInt(dataLength), isLE);
	return num;
}
function isAligned32(bytes) {
	return bytes.byteOffset % 4 === 0;
}
function ciphers_utils_copyBytes(bytes) {
	return Uint8Array.from(ciphers_utils_abytes(bytes));
}
function ciphers_utils_randomBytes(bytesLength = 32) {
	ciphers_utils_anumber(bytesLength, 'bytesLength');
	const cr = typeof globalThis === 'object' ? globalThis.crypto : null;
	if (typeof cr?.getRandomValues !== 'function')
		throw new Error('crypto.getRandomValues must be defined');
	if (bytesLength > 65536)
		throw new RangeError(`"bytesLength" expected <= 65536, got ${bytesLength}`);
	return cr.getRandomValues(new Uint8Array(bytesLength));
}
function managedNonce(fn, randomBytes_ = ciphers_utils_randomBytes) {
	if (typeof fn !== 'function')
		throw new TypeError('"fn" expected cipher constructor, got type=' + typeof fn);
	if (typeof randomBytes_ !== 'function')
		throw new TypeError('"randomBytes_" expected function, got type=' + typeof randomBytes_);
	const { nonceLength } = fn;
	ciphers_utils_anumber(nonceLength, 'fn.nonceLength');
	const addNonce = (nonce, ciphertext, plaintext) => {
		const out = ciphers_utils_concatBytes(nonce, ciphertext);
		if (!overlapBytes(plaintext, ciphertext))
			ciphertext.fill(0);
		return out;
	};
	const res = ((key, ...args) => ({
		encrypt(plaintext) {
			ciphers_utils_abytes(plaintext, undefined, 'data');
			const nonce = randomBytes_(nonceLength);
			const encrypted = fn(key, nonce, ...args).encrypt(plaintext);
			if (encrypted instanceof Promise)
				return encrypted.then((ct) => addNonce(nonce, ct, plaintext));
			return addNonce(nonce, encrypted, plaintext);
		},
		decrypt(ciphertext) {
			ciphers_utils_abytes(ciphertext, undefined, 'data');
			const nonce = ciphertext.subarray(0, nonceLength);
			const decrypted = ciphertext.subarray(nonceLength);
			return fn(key, nonce, ...args).decrypt(decrypted);
		},
	}));
	if ('blockSize' in fn)
		res.blockSize = fn.blockSize;
	if ('tagLength' in fn)
		res.tagLength = fn.tagLength;
	if ('withAAD' in fn)
		res.withAAD = fn.withAAD;
	return res;
}
;
const encodeStr = (str) => Uint8Array.from(str.split(''), (c) => c.charCodeAt(0));
const sigma16_32 =   (() => ciphers_utils_swap32IfBE(utils_u32(encodeStr('expand 16-byte k'))))();
const sigma32_32 =   (() => ciphers_utils_swap32IfBE(utils_u32(encodeStr('expand 32-byte k'))))();
function _arx_rotl(a, b) {
	return (a << b) | (a >>> (32 - b));
}
const BLOCK_LEN = 64;
const BLOCK_LEN32 = 16;
const MAX_COUNTER =   (() => 2 ** 32 - 1)();
const U32_EMPTY =   Uint32Array.of();
function runCipher(core, sigma, key, nonce, data, output, counter, rounds) {
	const len = data.length;
	const block = new Uint8Array(BLOCK_LEN);
	const b32 = utils_u32(block);
	const isAligned = utils_isLE && isAligned32(data) && isAligned32(output);
	const d32 = isAligned ? utils_u32(data) : U32_EMPTY;
	const o32 = isAligned ? utils_u32(output) : U32_EMPTY;
	if (!utils_isLE) {
		for (let pos = 0; pos < len; counter++) {
			core(sigma, key, nonce, b32, counter, rounds);
			ciphers_utils_swap32IfBE(b32);
			if (counter >= MAX_COUNTER)
				throw new Error('arx: counter overflow');
			const take = Math.min(BLOCK_LEN, len - pos);
			for (let j = 0, posj; j < take; j++) {
				posj = pos + j;
				output[posj] = data[posj] ^ block[j];
			}
			pos += take;
		}
		return;
	}
	for (let pos = 0; pos < len; counter++) {
		core(sigma, key, nonce, b32, counter, rounds);
		if (counter >= MAX_COUNTER)
			throw new Error('arx: counter overflow');
		const take = Math.min(BLOCK_LEN, len - pos);
		if (isAligned && take === BLOCK_LEN) {
			const pos32 = pos / 4;
			if (pos % 4 !== 0)
				throw new Error('arx: invalid block position');
			for (let j = 0, posj; j < BLOCK_LEN32; j++) {
				posj = pos32 + j;
				o32[posj] = d32[posj] ^ b32[j];
			}
			pos += BLOCK_LEN;
			continue;
		}
		for (let j = 0, posj; j < take; j++) {
			posj = pos + j;
			output[posj] = data[posj] ^ block[j];
		}
		pos += take;
	}
}
function createCipher(core, opts) {
	const { allowShortKeys, extendNonceFn, counterLength, counterRight, rounds } = utils_checkOpts({ allowShortKeys: false, counterLength: 8, counterRight: false, rounds: 20 }, opts);
	if (typeof core !== 'function')
		throw new Error('core must be a function');
	ciphers_utils_anumber(counterLength);
	ciphers_utils_anumber(rounds);
	utils_abool(counterRight);
	utils_abool(allowShortKeys);
	return (key, nonce, data, output, counter = 0) => {
		ciphers_utils_abytes(key, undefined, 'key');
		ciphers_utils_abytes(nonce, undefined, 'nonce');
		ciphers_utils_abytes(data, undefined, 'data');
		const len = data.length;
		const hasOutput = output !== undefined;
		output = getOutput(len, output, false);
		if (hasOutput)
			complexOverlapBytes(data, output);
		ciphers_utils_anumber(counter);
		if (counter < 0 || counter >= MAX_COUNTER)
			throw new Error('arx: counter overflow');
		const toClean = [];
		let l = key.length;
		let k;
		let sigma;
		if (l === 32) {
			toClean.push((k = ciphers_utils_copyBytes(key)));
			sigma = sigma32_32;
		}
		else if (l === 16 && allowShortKeys) {
			k = new Uint8Array(32);
			k.set(key);
			k.set(key, 16);
			sigma = sigma16_32;
			toClean.push(k);
		}
		else {
			ciphers_utils_abytes(key, 32, 'arx key');
			throw new Error('invalid key size');
		}
		if (!utils_isLE || !isAligned32(nonce))
			toClean.push((nonce = ciphers_utils_copyBytes(nonce)));
		let k32 = utils_u32(k);
		if (extendNonceFn) {
			if (nonce.length !== 24)
				throw new Error('arx: extended nonce must be 24 bytes');
			const n16 = nonce.subarray(0, 16);
			if (utils_isLE)
				extendNonceFn(sigma, k32, utils_u32(n16), k32);
			else {
				const sigmaRaw = ciphers_utils_swap32IfBE(Uint32Array.from(sigma));
				extendNonceFn(sigmaRaw, k32, utils_u32(n16), k32);
				ciphers_utils_clean(sigmaRaw);
				ciphers_utils_swap32IfBE(k32);
			}
			nonce = nonce.subarray(16);
		}
		else if (!utils_isLE)
			ciphers_utils_swap32IfBE(k32);
		const nonceNcLen = 16 - counterLength;
		if (nonceNcLen !== nonce.length)
			throw new Error(`arx: nonce must be ${nonceNcLen} or 16 bytes`);
		if (nonceNcLen !== 12) {
			const nc = new Uint8Array(12);
			nc.set(nonce, counterRight ? 0 : 12 - nonce.length);
			nonce = nc;
			toClean.push(nonce);
		}
		const n32 = ciphers_utils_swap32IfBE(utils_u32(nonce));
		try {
			runCipher(core, sigma, k32, n32, data, output, counter, rounds);
			return output;
		}
		finally {
			ciphers_utils_clean(...toClean);
		}
	};
}
class _XorStreamPRG {
	blockLen;
	keyLen;
	nonceLen;
	state;
	buf;
	key;
	nonce;
	pos;
	ctr;
	cipher;
	destroyed = false;
	constructor(cipher, blockLen, keyLen, nonceLen, seed) {
		this.cipher = cipher;
		this.blockLen = blockLen;
		this.keyLen = keyLen;
		this.nonceLen = nonceLen;
		this.state = new Uint8Array(this.keyLen + this.nonceLen);
		this.reseed(seed);
		this.ctr = 0;
		this.pos = this.blockLen;
		this.buf = new Uint8Array(this.blockLen);
		this.key = this.state.subarray(0, this.keyLen);
		this.nonce = this.state.subarray(this.keyLen);
	}
	reseed(seed) {
		abytes(seed, undefined, 'seed');
		if (!seed || seed.length === 0)
			throw new Error('entropy required');
		for (let i = 0; i < seed.length; i++)
			this.state[i % this.state.length] ^= seed[i];
		this.ctr = 0;
		this.pos = this.blockLen;
	}
	addEntropy(seed) {
		if (this.destroyed)
			throw new Error('cannot use destroyed PRG');
		abytes(seed, undefined, 'seed');
		if (seed.length === 0)
			throw new Error('entropy required');
		this.state.set(this.randomBytes(this.state.length));
		this.reseed(seed);
	}
	randomBytes(len) {
		if (this.destroyed)
			throw new Error('cannot use destroyed PRG');
		anumber(len);
		if (len === 0)
			return new Uint8Array(0);
		const avail = this.pos < this.blockLen ? this.blockLen - this.pos : 0;
		const blocks = Math.ceil(Math.max(0, len - avail) / this.blockLen);
		if (blocks > 0 && this.ctr > MAX_COUNTER - blocks)
			throw new Error('arx: counter overflow');
		const out = new Uint8Array(len);
		let outPos = 0;
		if (this.pos < this.blockLen) {
			const take = Math.min(len, this.blockLen - this.pos);
			out.set(this.buf.subarray(this.pos, this.pos + take), 0);
			this.pos += take;
			outPos += take;
			if (outPos === len)
				return out;
		}
		const full = Math.floor((len - outPos) / this.blockLen);
		if (full > 0) {
			const blockBytes = full * this.blockLen;
			const b = out.subarray(outPos, outPos + blockBytes);
			this.cipher(this.key, this.nonce, b, b, this.ctr);
			this.ctr += full;
			outPos += blockBytes;
		}
		const left = len - outPos;
		if (left > 0) {
			this.buf.fill(0);
			this.cipher(this.key, this.nonce, this.buf, this.buf, this.ctr++);
			out.set(this.buf.subarray(0, left), outPos);
			this.pos = left;
		}
		return out;
	}
	clone() {
		if (this.destroyed)
			throw new Error('cannot use destroyed PRG');
		return new _XorStreamPRG(this.cipher, this.blockLen, this.keyLen, this.nonceLen, this.randomBytes(this.state.length));
	}
	clean() {
		this.pos = 0;
		this.ctr = 0;
		this.buf.fill(0);
		this.state.fill(0);
		this.destroyed = true;
	}
}
const _arx_createPRG = (cipher, blockLen, keyLen, nonceLen) => {
	return ((seed = randomBytes(32)) => new _XorStreamPRG(cipher, blockLen, keyLen, nonceLen, seed));
};
;
function u8to16(a, i) {
	return (a[i++] & 0xff) | ((a[i++] & 0xff) << 8);
}
class Poly1305 {
	blockLen = 16;
	outputLen = 16;
	buffer = new Uint8Array(16);
	r = new Uint16Array(10);
	h = new Uint16Array(10);
	pad = new Uint16Array(8);
	pos = 0;
	finished = false;
	destroyed = false;
	constructor(key) {
		key = ciphers_utils_copyBytes(ciphers_utils_abytes(key, 32, 'key'));
		const t0 = u8to16(key, 0);
		const t1 = u8to16(key, 2);
		const t2 = u8to16(key, 4);
		const t3 = u8to16(key, 6);
		const t4 = u8to16(key, 8);
		const t5 = u8to16(key, 10);
		const t6 = u8to16(key, 12);
		const t7 = u8to16(key, 14);
		this.r[0] = t0 & 0x1fff;
		this.r[1] = ((t0 >>> 13) | (t1 << 3)) & 0x1fff;
		this.r[2] = ((t1 >>> 10) | (t2 << 6)) & 0x1f03;
		this.r[3] = ((t2 >>> 7) | (t3 << 9)) & 0x1fff;
		this.r[4] = ((t3 >>> 4) | (t4 << 12)) & 0x00ff;
		this.r[5] = (t4 >>> 1) & 0x1ffe;
		this.r[6] = ((t4 >>> 14) | (t5 << 2)) & 0x1fff;
		this.r[7] = ((t5 >>> 11) | (t6 << 5)) & 0x1f81;
		this.r[8] = ((t6 >>> 8) | (t7 << 8)) & 0x1fff;
		this.r[9] = (t7 >>> 5) & 0x007f;
		for (let i = 0; i < 8; i++)
			this.pad[i] = u8to16(key, 16 + 2 * i);
	}
	process(data, offset, isLast = false) {
		const hibit = isLast ? 0 : 1 << 11;
		const { h, r } = this;
		const r0 = r[0];
		const r1 = r[1];
		const r2 = r[2];
		const r3 = r[3];
		const r4 = r[4];
		const r5 = r[5];
		const r6 = r[6];
		const r7 = r[7];
		const r8 = r[8];
		const r9 = r[9];
		const t0 = u8to16(data, offset + 0);
		const t1 = u8to16(data, offset + 2);
		const t2 = u8to16(data, offset + 4);
		const t3 = u8to16(data, offset + 6);
		const t4 = u8to16(data, offset + 8);
		const t5 = u8to16(data, offset + 10);
		const t6 = u8to16(data, offset + 12);
		const t7 = u8to16(data, offset + 14);
		let h0 = h[0] + (t0 & 0x1fff);
		let h1 = h[1] + (((t0 >>> 13) | (t1 << 3)) & 0x1fff);
		let h2 = h[2] + (((t1 >>> 10) | (t2 << 6)) & 0x1fff);
		let h3 = h[3] + (((t2 >>> 7) | (t3 << 9)) & 0x1fff);
		let h4 = h[4] + (((t3 >>> 4) | (t4 << 12)) & 0x1fff);
		let h5 = h[5] + ((t4 >>> 1) & 0x1fff);
		let h6 = h[6] + (((t4 >>> 14) | (t5 << 2)) & 0x1fff);
		let h7 = h[7] + (((t5 >>> 11) | (t6 << 5)) & 0x1fff);
		let h8 = h[8] + (((t6 >>> 8) | (t7 << 8)) & 0x1fff);
		let h9 = h[9] + ((t7 >>> 5) | hibit);
		let c = 0;
		let d0 = c + h0 * r0 + h1 * (5 * r9) + h2 * (5 * r8) + h3 * (5 * r7) + h4 * (5 * r6);
		c = d0 >>> 13;
		d0 &= 0x1fff;
		d0 += h5 * (5 * r5) + h6 * (5 * r4) + h7 * (5 * r3) + h8 * (5 * r2) + h9 * (5 * r1);
		c += d0 >>> 13;
		d0 &= 0x1fff;
		let d1 = c + h0 * r1 + h1 * r0 + h2 * (5 * r9) + h3 * (5 * r8) + h4 * (5 * r7);
		c = d1 >>> 13;
		d1 &= 0x1fff;
		d1 += h5 * (5 * r6) + h6 * (5 * r5) + h7 * (5 * r4) + h8 * (5 * r3) + h9 * (5 * r2);
		c += d1 >>> 13;
		d1 &= 0x1fff;
		let d2 = c + h0 * r2 + h1 * r1 + h2 * r0 + h3 * (5 * r9) + h4 * (5 * r8);
		c = d2 >>> 13;
		d2 &= 0x1fff;
		d2 += h5 * (5 * r7) + h6 * (5 * r6) + h7 * (5 * r5) + h8 * (5 * r4) + h9 * (5 * r3);
		c += d2 >>> 13;
		d2 &= 0x1fff;
		let d3 = c + h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * (5 * r9);
		c = d3 >>> 13;
		d3 &= 0x1fff;
		d3 += h5 * (5 * r8) + h6 * (5 * r7) + h7 * (5 * r6) + h8 * (5 * r5) + h9 * (5 * r4);
		c += d3 >>> 13;
		d3 &= 0x1fff;
		let d4 = c + h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0;
		c = d4 >>> 13;
		d4 &= 0x1fff;
		d4 += h5 * (5 * r9) + h6 * (5 * r8) + h7 * (5 * r7) + h8 * (5 * r6) + h9 * (5 * r5);
		c += d4 >>> 13;
		d4 &= 0x1fff;
		let d5 = c + h0 * r5 + h1 * r4 + h2 * r3 + h3 * r2 + h4 * r1;
		c = d5 >>> 13;
		d5 &= 0x1fff;
		d5 += h5 * r0 + h6 * (5 * r9) + h7 * (5 * r8) + h8 * (5 * r7) + h9 * (5 * r6);
		c += d5 >>> 13;
		d5 &= 0x1fff;
		let d6 = c + h0 * r6 + h1 * r5 + h2 * r4 + h3 * r3 + h4 * r2;
		c = d6 >>> 13;
		d6 &= 0x1fff;
		d6 += h5 * r1 + h6 * r0 + h7 * (5 * r9) + h8 * (5 * r8) + h9 * (5 * r7);
		c += d6 >>> 13;
		d6 &= 0x1fff;
		let d7 = c + h0 * r7 + h1 * r6 + h2 * r5 + h3 * r4 + h4 * r3;
		c = d7 >>> 13;
		d7 &= 0x1fff;
		d7 += h5 * r2 + h6 * r1 + h7 * r0 + h8 * (5 * r9) + h9 * (5 * r8);
		c += d7 >>> 13;
		d7 &= 0x1fff;
		let d8 = c + h0 * r8 + h1 * r7 + h2 * r6 + h3 * r5 + h4 * r4;
		c = d8 >>> 13;
		d8 &= 0x1fff;
		d8 += h5 * r3 + h6 * r2 + h7 * r1 + h8 * r0 + h9 * (5 * r9);
		c += d8 >>> 13;
		d8 &= 0x1fff;
		let d9 = c + h0 * r9 + h1 * r8 + h2 * r7 + h3 * r6 + h4 * r5;
		c = d9 >>> 13;
		d9 &= 0x1fff;
		d9 += h5 * r4 + h6 * r3 + h7 * r2 + h8 * r1 + h9 * r0;
		c += d9 >>> 13;
		d9 &= 0x1fff;
		c = ((c << 2) + c) | 0;
		c = (c + d0) | 0;
		d0 = c & 0x1fff;
		c = c >>> 13;
		d1 += c;
		h[0] = d0;
		h[1] = d1;
		h[2] = d2;
		h[3] = d3;
		h[4] = d4;
		h[5] = d5;
		h[6] = d6;
		h[7] = d7;
		h[8] = d8;
		h[9] = d9;
	}
	finalize() {
		const { h, pad } = this;
		const g = new Uint16Array(10);
		let c = h[1] >>> 13;
		h[1] &= 0x1fff;
		for (let i = 2; i < 10; i++) {
			h[i] += c;
			c = h[i] >>> 13;
			h[i] &= 0x1fff;
		}
		h[0] += c * 5;
		c = h[0] >>> 13;
		h[0] &= 0x1fff;
		h[1] += c;
		c = h[1] >>> 13;
		h[1] &= 0x1fff;
		h[2] += c;
		g[0] = h[0] + 5;
		c = g[0] >>> 13;
		g[0] &= 0x1fff;
		for (let i = 1; i < 10; i++) {
			g[i] = h[i] + c;
			c = g[i] >>> 13;
			g[i] &= 0x1fff;
		}
		g[9] -= 1 << 13;
		let mask = (c ^ 1) - 1;
		for (let i = 0; i < 10; i++)
			g[i] &= mask;
		mask = ~mask;
		for (let i = 0; i < 10; i++)
			h[i] = (h[i] & mask) | g[i];
		h[0] = (h[0] | (h[1] << 13)) & 0xffff;
		h[1] = ((h[1] >>> 3) | (h[2] << 10)) & 0xffff;
		h[2] = ((h[2] >>> 6) | (h[3] << 7)) & 0xffff;
		h[3] = ((h[3] >>> 9) | (h[4] << 4)) & 0xffff;
		h[4] = ((h[4] >>> 12) | (h[5] << 1) | (h[6] << 14)) & 0xffff;
		h[5] = ((h[6] >>> 2) | (h[7] << 11)) & 0xffff;
		h[6] = ((h[7] >>> 5) | (h[8] << 8)) & 0xffff;
		h[7] = ((h[8] >>> 8) | (h[9] << 5)) & 0xffff;
		let f = h[0] + pad[0];
		h[0] = f & 0xffff;
		for (let i = 1; i < 8; i++) {
			f = (((h[i] + pad[i]) | 0) + (f >>> 16)) | 0;
			h[i] = f & 0xffff;
		}
		ciphers_utils_clean(g);
	}
	update(data) {
		utils_aexists(this);
		ciphers_utils_abytes(data);
		data = ciphers_utils_copyBytes(data);
		const { buffer, blockLen } = this;
		const len = data.length;
		for (let pos = 0; pos < len;) {
			const take = Math.min(blockLen - this.pos, len - pos);
			if (take === blockLen) {
				for (; blockLen <= len - pos; pos += blockLen)
					this.process(data, pos);
				continue;
			}
			buffer.set(data.subarray(pos, pos + take), this.pos);
			this.pos += take;
			pos += take;
			if (this.pos === blockLen) {
				this.process(buffer, 0, false);
				this.pos = 0;
			}
		}
		return this;
	}
	destroy() {
		this.destroyed = true;
		ciphers_utils_clean(this.h, this.r, this.buffer, this.pad);
	}
	digestInto(out) {
		utils_aexists(this);
		utils_aoutput(out, this);
		this.finished = true;
		const { buffer, h } = this;
		let { pos } = this;
		if (pos) {
			buffer[pos++] = 1;
			for (; pos < 16; pos++)
				buffer[pos] = 0;
			this.process(buffer, 0, true);
		}
		this.finalize();
		let opos = 0;
		for (let i = 0; i < 8; i++) {
			out[opos++] = h[i] >>> 0;
			out[opos++] = h[i] >>> 8;
		}
	}
	digest() {
		const { buffer, outputLen } = this;
		this.digestInto(buffer);
		const res = buffer.slice(0, outputLen);
		this.destroy();
		return res;
	}
}
const poly1305 =   wrapMacConstructor(32, (key) => new Poly1305(key));
;
function chachaCore(s, k, n, out, cnt, rounds = 20) {
	let y00 = s[0], y01 = s[1], y02 = s[2], y03 = s[3],
	y04 = k[0], y05 = k[1], y06 = k[2], y07 = k[3],
	y08 = k[4], y09 = k[5], y10 = k[6], y11 = k[7],
	y12 = cnt, y13 = n[0], y14 = n[1], y15 = n[2];
	let x00 = y00, x01 = y01, x02 = y02, x03 = y03, x04 = y04, x05 = y05, x06 = y06, x07 = y07, x08 = y08, x09 = y09, x10 = y10, x11 = y11, x12 = y12, x13 = y13, x14 = y14, x15 = y15;
	for (let r = 0; r < rounds; r += 2) {
		x00 = (x00 + x04) | 0;
		x12 = _arx_rotl(x12 ^ x00, 16);
		x08 = (x08 + x12) | 0;
		x04 = _arx_rotl(x04 ^ x08, 12);
		x00 = (x00 + x04) | 0;
		x12 = _arx_rotl(x12 ^ x00, 8);
		x08 = (x08 + x12) | 0;
		x04 = _arx_rotl(x04 ^ x08, 7);
		x01 = (x01 + x05) | 0;
		x13 = _arx_rotl(x13 ^ x01, 16);
		x09 = (x09 + x13) | 0;
		x05 = _arx_rotl(x05 ^ x09, 12);
		x01 = (x01 + x05) | 0;
		x13 = _arx_rotl(x13 ^ x01, 8);
		x09 = (x09 + x13) | 0;
		x05 = _arx_rotl(x05 ^ x09, 7);
		x02 = (x02 + x06) | 0;
		x14 = _arx_rotl(x14 ^ x02, 16);
		x10 = (x10 + x14) | 0;
		x06 = _arx_rotl(x06 ^ x10, 12);
		x02 = (x02 + x06) | 0;
		x14 = _arx_rotl(x14 ^ x02, 8);
		x10 = (x10 + x14) | 0;
		x06 = _arx_rotl(x06 ^ x10, 7);
		x03 = (x03 + x07) | 0;
		x15 = _arx_rotl(x15 ^ x03, 16);
		x11 = (x11 + x15) | 0;
		x07 = _arx_rotl(x07 ^ x11, 12);
		x03 = (x03 + x07) | 0;
		x15 = _arx_rotl(x15 ^ x03, 8);
		x11 = (x11 + x15) | 0;
		x07 = _arx_rotl(x07 ^ x11, 7);
		x00 = (x00 + x05) | 0;
		x15 = _arx_rotl(x15 ^ x00, 16);
		x10 = (x10 + x15) | 0;
		x05 = _arx_rotl(x05 ^ x10, 12);
		x00 = (x00 + x05) | 0;
		x15 = _arx_rotl(x15 ^ x00, 8);
		x10 = (x10 + x15) | 0;
		x05 = _arx_rotl(x05 ^ x10, 7);
		x01 = (x01 + x06) | 0;
		x12 = _arx_rotl(x12 ^ x01, 16);
		x11 = (x11 + x12) | 0;
		x06 = _arx_rotl(x06 ^ x11, 12);
		x01 = (x01 + x06) | 0;
		x12 = _arx_rotl(x12 ^ x01, 8);
		x11 = (x11 + x12) | 0;
		x06 = _arx_rotl(x06 ^ x11, 7);
		x02 = (x02 + x07) | 0;
		x13 = _arx_rotl(x13 ^ x02, 16);
		x08 = (x08 + x13) | 0;
		x07 = _arx_rotl(x07 ^ x08, 12);
		x02 = (x02 + x07) | 0;
		x13 = _arx_rotl(x13 ^ x02, 8);
		x08 = (x08 + x13) | 0;
		x07 = _arx_rotl(x07 ^ x08, 7);
		x03 = (x03 + x04) | 0;
		x14 = _arx_rotl(x14 ^ x03, 16);
		x09 = (x09 + x14) | 0;
		x04 = _arx_rotl(x04 ^ x09, 12);
		x03 = (x03 + x04) | 0;
		x14 = _arx_rotl(x14 ^ x03, 8);
		x09 = (x09 + x14) | 0;
		x04 = _arx_rotl(x04 ^ x09, 7);
	}
	let oi = 0;
	out[oi++] = (y00 + x00) | 0;
	out[oi++] = (y01 + x01) | 0;
	out[oi++] = (y02 + x02) | 0;
	out[oi++] = (y03 + x03) | 0;
	out[oi++] = (y04 + x04) | 0;
	out[oi++] = (y05 + x05) | 0;
	out[oi++] = (y06 + x06) | 0;
	out[oi++] = (y07 + x07) | 0;
	out[oi++] = (y08 + x08) | 0;
	out[oi++] = (y09 + x09) | 0;
	out[oi++] = (y10 + x10) | 0;
	out[oi++] = (y11 + x11) | 0;
	out[oi++] = (y12 + x12) | 0;
	out[oi++] = (y13 + x13) | 0;
	out[oi++] = (y14 + x14) | 0;
	out[oi++] = (y15 + x15) | 0;
}
function hchacha(s, k, i, out) {
	const s2 = utils_isLE ? s : ciphers_utils_swap32IfBE(s.slice(0, 4));
	const k2 = utils_isLE ? k : ciphers_utils_swap32IfBE(k.slice(0, 8));
	const i2 = utils_isLE ? i : ciphers_utils_swap32IfBE(i.slice(0, 4));
	const t = new Uint32Array(16);
	chachaCore(s2, k2, i2.subarray(1), t, i2[0]);
	let oi = 0;
	out[oi++] = (t[0] - s2[0]) | 0;
	out[oi++] = (t[1] - s2[1]) | 0;
	out[oi++] = (t[2] - s2[2]) | 0;
	out[oi++] = (t[3] - s2[3]) | 0;
	out[oi++] = (t[12] - i2[0]) | 0;
	out[oi++] = (t[13] - i2[1]) | 0;
	out[oi++] = (t[14] - i2[2]) | 0;
	out[oi++] = (t[15] - i2[3]) | 0;
	ciphers_utils_swap32IfBE(out);
	if (!utils_isLE)
		ciphers_utils_clean(s2, k2, i2);
	ciphers_utils_clean(t);
}
const chacha20orig =   createCipher(chachaCore, {
	counterRight: false,
	counterLength: 8,
	allowShortKeys: true,
});
const chacha20 =   createCipher(chachaCore, {
	counterRight: false,
	counterLength: 4,
	allowShortKeys: false,
});
const xchacha20 =   createCipher(chachaCore, {
	counterRight: false,
	counterLength: 8,
	extendNonceFn: hchacha,
	allowShortKeys: false,
});
const chacha8 =   createCipher(chachaCore, {
	counterRight: false,
	counterLength: 4,
	rounds: 8,
});
const chacha12 =   createCipher(chachaCore, {
	counterRight: false,
	counterLength: 4,
	rounds: 12,
});
const chacha_TESTS =   Object.freeze({ chachaCore });
const ZEROS16 =   new Uint8Array(16);
const updatePadded = (h, msg) => {
	h.update(msg);
	const leftover = msg.length % 16;
	if (leftover)
		h.update(ZEROS16.subarray(leftover));
};
const ZEROS32 =   new Uint8Array(32);
function computeTag(fn, key, nonce, ciphertext, AAD) {
	if (AAD !== undefined)
		ciphers_utils_abytes(AAD, undefined, 'AAD');
	const authKey = fn(key, nonce, ZEROS32);
	const lengths = u64Lengths(ciphertext.length, AAD ? AAD.length : 0, true);
	const h = poly1305.create(authKey);
	if (AAD)
		updatePadded(h, AAD);
	updatePadded(h, ciphertext);
	h.update(lengths);
	const res = h.digest();
	ciphers_utils_clean(authKey, lengths);
	return res;
}
const _poly1305_aead = (xorStream) => (key, nonce, AAD) => {
	const tagLength = 16;
	return {
		encrypt(plaintext, output) {
			const plength = plaintext.length;
			output = getOutput(plength + tagLength, output, false);
			output.set(plaintext);
			const oPlain = output.subarray(0, -tagLength);
			xorStream(key, nonce, oPlain, oPlain, 1);
			const tag = computeTag(xorStream, key, nonce, oPlain, AAD);
			output.set(tag, plength);
			ciphers_utils_clean(tag);
			return output;
		},
		decrypt(ciphertext, output) {
			output = getOutput(ciphertext.length - tagLength, output, false);
			const data = ciphertext.subarray(0, -tagLength);
			const passedTag = ciphertext.subarray(-tagLength);
			const tag = computeTag(xorStream, key, nonce, data, AAD);
			if (!equalBytes(passedTag, tag)) {
				ciphers_utils_clean(tag);
				throw new Error('invalid tag');
			}
			output.set(ciphertext.subarray(0, -tagLength));
			xorStream(key, nonce, output, output, 1);
			ciphers_utils_clean(tag);
			return output;
		},
	};
};
const chacha20poly1305 =   wrapCipher({ blockSize: 64, nonceLength: 12, tagLength: 16, withAAD: true },
  _poly1305_aead(chacha20));
const xchacha20poly1305 =   wrapCipher({ blockSize: 64, nonceLength: 24, tagLength: 16, withAAD: true },
  _poly1305_aead(xchacha20));
const rngChacha20 =   (  null && (createPRG(chacha20orig, 64, 32, 8)));
const rngChacha8 =   (  null && (createPRG(chacha8, 64, 32, 12)));
;
function hashes_utils_isBytes(a) {
	return a instanceof Uint8Array || (ArrayBuffer.isView(a) && a.constructor.name === 'Uint8Array');
}
function hashes_utils_anumber(n, title = '') {
	if (!Number.isSafeInteger(n) || n < 0) {
		const prefix = title && `"${title}" `;
		throw new Error(`${prefix}expected integer >= 0, got ${n}`);
	}
}
function hashes_utils_abytes(value, length, title = '') {
	const bytes = hashes_utils_isBytes(value);
	const len = value?.length;
	const needsLen = length !== undefined;
	if (!bytes || (needsLen && len !== length)) {
		const prefix = title && `"${title}" `;
		const ofLen = needsLen ? ` of length ${length}` : '';
		const got = bytes ? `length=${len}` : `type=${typeof value}`;
		throw new Error(prefix + 'expected Uint8Array' + ofLen + ', got ' + got);
	}
	return value;
}
function utils_ahash(h) {
	if (typeof h !== 'function' || typeof h.create !== 'function')
		throw new Error('Hash must wrapped by utils.createHasher');
	hashes_utils_anumber(h.outputLen);
	hashes_utils_anumber(h.blockLen);
}
function hashes_utils_aexists(instance, checkFinished = true) {
	if (instance.destroyed)
		throw new Error('Hash instance has been destroyed');
	if (checkFinished && instance.finished)
		throw new Error('Hash#digest() has already been called');
}
function hashes_utils_aoutput(out, instance) {
	hashes_utils_abytes(out, undefined, 'digestInto() output');
	const min = instance.outputLen;
	if (out.length < min) {
		throw new Error('"digestInto() output" expected to be of length >=' + min);
	}
}
function hashes_utils_u8(arr) {
	return new Uint8Array(arr.buffer, arr.byteOffset, arr.byteLength);
}
function hashes_utils_u32(arr) {
	return new Uint32Array(arr.buffer, arr.byteOffset, Math.floor(arr.byteLength / 4));
}
function hashes_utils_clean(...arrays) {
	for (let i = 0; i < arrays.length; i++) {
		arrays[i].fill(0);
	}
}
function hashes_utils_createView(arr) {
	return new DataView(arr.buffer, arr.byteOffset, arr.byteLength);
}
function utils_rotr(word, shift) {
	return (word << (32 - shift)) | (word >>> shift);
}
function utils_rotl(word, shift) {
	return (word << shift) | ((word >>> (32 - shift)) >>> 0);
}
const hashes_utils_isLE =   (() => new Uint8Array(new Uint32Array([0x11223344]).buffer)[0] === 0x44)();
function hashes_utils_byteSwap(word) {
	return (((word << 24) & 0xff000000) |
		((word << 8) & 0xff0000) |
		((word >>> 8) & 0xff00) |
		((word >>> 24) & 0xff));
}
const hashes_utils_swap8IfBE = (  null && (hashes_utils_isLE
	? (n) => n
	: (n) => hashes_utils_byteSwap(n)));
function hashes_utils_byteSwap32(arr) {
	for (let i = 0; i < arr.length; i++) {
		arr[i] = hashes_utils_byteSwap(arr[i]);
	}
	return arr;
}
const hashes_utils_swap32IfBE = hashes_utils_isLE
	? (u) => u
	: hashes_utils_byteSwap32;
const hashes_utils_hasHexBuiltin =   (() =>
typeof Uint8Array.from([]).toHex === 'function' && typeof Uint8Array.fromHex === 'function')();
const hashes_utils_hexes =   Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'));
function hashes_utils_bytesToHex(bytes) {
	hashes_utils_abytes(bytes);
	if (hashes_utils_hasHexBuiltin)
		return bytes.toHex();
	let hex = '';
	for (let i = 0; i < bytes.length; i++) {
		hex += hashes_utils_hexes[bytes[i]];
	}
	return hex;
}
const asciis = { _0: 48, _9: 57, A: 65, F: 70, a: 97, f: 102 };
function hashes_utils_asciiToBase16(ch) {
	if (ch >= asciis._0 && ch <= asciis._9)
		return ch - asciis._0;
	if (ch >= asciis.A && ch <= asciis.F)
		return ch - (asciis.A - 10);
	if (ch >= asciis.a && ch <= asciis.f)
		return ch - (asciis.a - 10);
	return;
}
function hashes_utils_hexToBytes(hex) {
	if (typeof hex !== 'string')
		throw new Error('hex string expected, got ' + typeof hex);
	if (hashes_utils_hasHexBuiltin)
		return Uint8Array.fromHex(hex);
	const hl = hex.length;
	const al = hl / 2;
	if (hl % 2)
		throw new Error('hex string expected, got unpadded hex of length ' + hl);
	const array = new Uint8Array(al);
	for (let ai = 0, hi = 0; ai < al; ai++, hi += 2) {
		const n1 = hashes_utils_asciiToBase16(hex.charCodeAt(hi));
		const n2 = hashes_utils_asciiToBase16(hex.charCodeAt(hi + 1));
		if (n1 === undefined || n2 === undefined) {
			const char = hex[hi] + hex[hi + 1];
			throw new Error('hex string expected, got non-hex character "' + char + '" at index ' + hi);
		}
		array[ai] = n1 * 16 + n2;
	}
	return array;
}
const utils_nextTick = async () => { };
async function hashes_utils_asyncLoop(iters, tick, cb) {
	let ts = Date.now();
	for (let i = 0; i < iters; i++) {
		cb(i);
		const diff = Date.now() - ts;
		if (diff >= 0 && diff < tick)
			continue;
		await utils_nextTick();
		ts += diff;
	}
}
function hashes_utils_utf8ToBytes(str) {
	if (typeof str !== 'string')
		throw new Error('string expected');
	return new Uint8Array(new TextEncoder().encode(str));
}
function utils_kdfInputToBytes(data, errorTitle = '') {
	if (typeof data === 'string')
		return hashes_utils_utf8ToBytes(data);
	return hashes_utils_abytes(data, undefined, errorTitle);
}
function hashes_utils_concatBytes(...arrays) {
	let sum = 0;
	for (let i = 0; i < arrays.length; i++) {
		const a = arrays[i];
		hashes_utils_abytes(a);
		sum += a.length;
	}
	const res = new Uint8Array(sum);
	for (let i = 0, pad = 0; i < arrays.length; i++) {
		const a = arrays[i];
		res.set(a, pad);
		pad += a.length;
	}
	return res;
}
function hashes_utils_checkOpts(defaults, opts) {
	if (opts !== undefined && {}.toString.call(opts) !== '[object Object]')
		throw new Error('options must be object or undefined');
	const merged = Object.assign(defaults, opts);
	return merged;
}
function hashes_utils_createHasher(hashCons, info = {}) {
	const hashC = (msg, opts) => hashCons(opts).update(msg).digest();
	const tmp = hashCons(undefined);
	hashC.outputLen = tmp.outputLen;
	hashC.blockLen = tmp.blockLen;
	hashC.create = (opts) => hashCons(opts);
	Object.assign(hashC, info);
	return Object.freeze(hashC);
}
function hashes_utils_randomBytes(bytesLength = 32) {
	const cr = typeof globalThis === 'object' ? globalThis.crypto : null;
	if (typeof cr?.getRandomValues !== 'function')
		throw new Error('crypto.getRandomValues must be defined');
	return cr.getRandomValues(new Uint8Array(bytesLength));
}
const hashes_utils_oidNist = (suffix) => ({
	oid: Uint8Array.from([0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, suffix]),
});
;
function _md_Chi(a, b, c) {
	return (a & b) ^ (~a & c);
}
function _md_Maj(a, b, c) {
	return (a & b) ^ (a & c) ^ (b & c);
}
class _md_HashMD {
	blockLen;
	outputLen;
	padOffset;
	isLE;
	buffer;
	view;
	finished = false;
	length = 0;
	pos = 0;
	destroyed = false;
	constructor(blockLen, outputLen, padOffset, isLE) {
		this.blockLen = blockLen;
		this.outputLen = outputLen;
		this.padOffset = padOffset;
		this.isLE = isLE;
		this.buffer = new Uint8Array(blockLen);
		this.view = hashes_utils_createView(this.buffer);
	}
	update(data) {
		hashes_utils_aexists(this);
		hashes_utils_abytes(data);
		const { view, buffer, blockLen } = this;
		const len = data.length;
		for (let pos = 0; pos < len;) {
			const take = Math.min(blockLen - this.pos, len - pos);
			if (take === blockLen) {
				const dataView = hashes_utils_createView(data);
				for (; blockLen <= len - pos; pos += blockLen)
					this.process(dataView, pos);
				continue;
			}
			buffer.set(data.subarray(pos, pos + take), this.pos);
			this.pos += take;
			pos += take;
			if (this.pos === blockLen) {
				this.process(view, 0);
				this.pos = 0;
			}
		}
		this.length += data.length;
		this.roundClean();
		return this;
	}
	digestInto(out) {
		hashes_utils_aexists(this);
		hashes_utils_aoutput(out, this);
		this.finished = true;
		const { buffer, view, blockLen, isLE } = this;
		let { pos } = this;
		buffer[pos++] = 0b10000000;
		hashes_utils_clean(this.buffer.subarray(pos));
		if (this.padOffset > blockLen - pos) {
			this.process(view, 0);
			pos = 0;
		}
		for (let i = pos; i < blockLen; i++)
			buffer[i] = 0;
		view.setBigUint64(blockLen - 8, BigInt(this.length * 8), isLE);
		this.process(view, 0);
		const oview = hashes_utils_createView(out);
		const len = this.outputLen;
		if (len % 4)
			throw new Error('_sha2: outputLen must be aligned to 32bit');
		const outLen = len / 4;
		const state = this.get();
		if (outLen > state.length)
			throw new Error('_sha2: outputLen bigger than state');
		for (let i = 0; i < outLen; i++)
			oview.setUint32(4 * i, state[i], isLE);
	}
	digest() {
		const { buffer, outputLen } = this;
		this.digestInto(buffer);
		const res = buffer.slice(0, outputLen);
		this.destroy();
		return res;
	}
	_cloneInto(to) {
		to ||= new this.constructor();
		to.set(...this.get());
		const { blockLen, buffer, length, finished, destroyed, pos } = this;
		to.destroyed = destroyed;
		to.finished = finished;
		to.length = length;
		to.pos = pos;
		if (length % blockLen)
			to.buffer.set(buffer);
		return to;
	}
	clone() {
		return this._cloneInto();
	}
}
const _md_SHA256_IV =   Uint32Array.from([
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
]);
const _md_SHA224_IV =   Uint32Array.from([
	0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4,
]);
const _md_SHA384_IV =   Uint32Array.from([
	0xcbbb9d5d, 0xc1059ed8, 0x629a292a, 0x367cd507, 0x9159015a, 0x3070dd17, 0x152fecd8, 0xf70e5939,
	0x67332667, 0xffc00b31, 0x8eb44a87, 0x68581511, 0xdb0c2e0d, 0x64f98fa7, 0x47b5481d, 0xbefa4fa4,
]);
const _md_SHA512_IV =   Uint32Array.from([
	0x6a09e667, 0xf3bcc908, 0xbb67ae85, 0x84caa73b, 0x3c6ef372, 0xfe94f82b, 0xa54ff53a, 0x5f1d36f1,
	0x510e527f, 0xade682d1, 0x9b05688c, 0x2b3e6c1f, 0x1f83d9ab, 0xfb41bd6b, 0x5be0cd19, 0x137e2179,
]);
;
const _u64_U32_MASK64 =   BigInt(2 ** 32 - 1);
const _u64_32n =   BigInt(32);
function _u64_fromBig(n, le = false) {
	if (le)
		return { h: Number(n & _u64_U32_MASK64), l: Number((n >> _u64_32n) & _u64_U32_MASK64) };
	return { h: Number((n >> _u64_32n) & _u64_U32_MASK64) | 0, l: Number(n & _u64_U32_MASK64) | 0 };
}
function _u64_split(lst, le = false) {
	const len = lst.length;
	let Ah = new Uint32Array(len);
	let Al = new Uint32Array(len);
	for (let i = 0; i < len; i++) {
		const { h, l } = _u64_fromBig(lst[i], le);
		[Ah[i], Al[i]] = [h, l];
	}
	return [Ah, Al];
}
const _u64_toBig = (h, l) => (BigInt(h >>> 0) << _u64_32n) | BigInt(l >>> 0);
const _u64_shrSH = (h, _l, s) => h >>> s;
const _u64_shrSL = (h, l, s) => (h << (32 - s)) | (l >>> s);
const _u64_rotrSH = (h, l, s) => (h >>> s) | (l << (32 - s));
const _u64_rotrSL = (h, l, s) => (h << (32 - s)) | (l >>> s);
const _u64_rotrBH = (h, l, s) => (h << (64 - s)) | (l >>> (s - 32));
const _u64_rotrBL = (h, l, s) => (h >>> (s - 32)) | (l << (64 - s));
const _u64_rotr32H = (_h, l) => l;
const _u64_rotr32L = (h, _l) => h;
const rotlSH = (h, l, s) => (h << s) | (l >>> (32 - s));
const rotlSL = (h, l, s) => (l << s) | (h >>> (32 - s));
const rotlBH = (h, l, s) => (l << (s - 32)) | (h >>> (64 - s));
const rotlBL = (h, l, s) => (h << (s - 32)) | (l >>> (64 - s));
function _u64_add(Ah, Al, Bh, Bl) {
	const l = (Al >>> 0) + (Bl >>> 0);
	return { h: (Ah + Bh + ((l / 2 ** 32) | 0)) | 0, l: l | 0 };
}
const _u64_add3L = (Al, Bl, Cl) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0);
const _u64_add3H = (low, Ah, Bh, Ch) => (Ah + Bh + Ch + ((low / 2 ** 32) | 0)) | 0;
const _u64_add4L = (Al, Bl, Cl, Dl) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0) + (Dl >>> 0);
const _u64_add4H = (low, Ah, Bh, Ch, Dh) => (Ah + Bh + Ch + Dh + ((low / 2 ** 32) | 0)) | 0;
const _u64_add5L = (Al, Bl, Cl, Dl, El) => (Al >>> 0) + (Bl >>> 0) + (Cl >>> 0) + (Dl >>> 0) + (El >>> 0);
const _u64_add5H = (low, Ah, Bh, Ch, Dh, Eh) => (Ah + Bh + Ch + Dh + Eh + ((low / 2 ** 32) | 0)) | 0;
const u64 = {
	fromBig: _u64_fromBig, split: _u64_split, toBig: _u64_toBig,
	shrSH: _u64_shrSH, shrSL: _u64_shrSL,
	rotrSH: _u64_rotrSH, rotrSL: _u64_rotrSL, rotrBH: _u64_rotrBH, rotrBL: _u64_rotrBL,
	rotr32H: _u64_rotr32H, rotr32L: _u64_rotr32L,
	rotlSH, rotlSL, rotlBH, rotlBL,
	add: _u64_add, add3L: _u64_add3L, add3H: _u64_add3H, add4L: _u64_add4L, add4H: _u64_add4H, add5H: _u64_add5H, add5L: _u64_add5L,
};
  const _u64 = ((  null && (u64)));
;
const sha2_SHA256_K =   Uint32Array.from([
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
]);
const sha2_SHA256_W =   new Uint32Array(64);
class sha2_SHA2_32B extends _md_HashMD {
	constructor(outputLen) {
		super(64, outputLen, 8, false);
	}
	get() {
		const { A, B, C, D, E, F, G, H } = this;
		return [A, B, C, D, E, F, G, H];
	}
	set(A, B, C, D, E, F, G, H) {
		this.A = A | 0;
		this.B = B | 0;
		this.C = C | 0;
		this.D = D | 0;
		this.E = E | 0;
		this.F = F | 0;
		this.G = G | 0;
		this.H = H | 0;
	}
	process(view, offset) {
		for (let i = 0; i < 16; i++, offset += 4)
			sha2_SHA256_W[i] = view.getUint32(offset, false);
		for (let i = 16; i < 64; i++) {
			const W15 = sha2_SHA256_W[i - 15];
			const W2 = sha2_SHA256_W[i - 2];
			const s0 = utils_rotr(W15, 7) ^ utils_rotr(W15, 18) ^ (W15 >>> 3);
			const s1 = utils_rotr(W2, 17) ^ utils_rotr(W2, 19) ^ (W2 >>> 10);
			sha2_SHA256_W[i] = (s1 + sha2_SHA256_W[i - 7] + s0 + sha2_SHA256_W[i - 16]) | 0;
		}
		let { A, B, C, D, E, F, G, H } = this;
		for (let i = 0; i < 64; i++) {
			const sigma1 = utils_rotr(E, 6) ^ utils_rotr(E, 11) ^ utils_rotr(E, 25);
			const T1 = (H + sigma1 + _md_Chi(E, F, G) + sha2_SHA256_K[i] + sha2_SHA256_W[i]) | 0;
			const sigma0 = utils_rotr(A, 2) ^ utils_rotr(A, 13) ^ utils_rotr(A, 22);
			const T2 = (sigma0 + _md_Maj(A, B, C)) | 0;
			H = G;
			G = F;
			F = E;
			E = (D + T1) | 0;
			D = C;
			C = B;
			B = A;
			A = (T1 + T2) | 0;
		}
		A = (A + this.A) | 0;
		B = (B + this.B) | 0;
		C = (C + this.C) | 0;
		D = (D + this.D) | 0;
		E = (E + this.E) | 0;
		F = (F + this.F) | 0;
		G = (G + this.G) | 0;
		H = (H + this.H) | 0;
		this.set(A, B, C, D, E, F, G, H);
	}
	roundClean() {
		hashes_utils_clean(sha2_SHA256_W);
	}
	destroy() {
		this.set(0, 0, 0, 0, 0, 0, 0, 0);
		hashes_utils_clean(this.buffer);
	}
}
class sha2_SHA256 extends sha2_SHA2_32B {
	A = _md_SHA256_IV[0] | 0;
	B = _md_SHA256_IV[1] | 0;
	C = _md_SHA256_IV[2] | 0;
	D = _md_SHA256_IV[3] | 0;
	E = _md_SHA256_IV[4] | 0;
	F = _md_SHA256_IV[5] | 0;
	G = _md_SHA256_IV[6] | 0;
	H = _md_SHA256_IV[7] | 0;
	constructor() {
		super(32);
	}
}
class sha2_SHA224 extends sha2_SHA2_32B {
	A = _md_SHA224_IV[0] | 0;
	B = _md_SHA224_IV[1] | 0;
	C = _md_SHA224_IV[2] | 0;
	D = _md_SHA224_IV[3] | 0;
	E = _md_SHA224_IV[4] | 0;
	F = _md_SHA224_IV[5] | 0;
	G = _md_SHA224_IV[6] | 0;
	H = _md_SHA224_IV[7] | 0;
	constructor() {
		super(28);
	}
}
const sha2_K512 =   (() => _u64_split([
	'0x428a2f98d728ae22', '0x7137449123ef65cd', '0xb5c0fbcfec4d3b2f', '0xe9b5dba58189dbbc',
	'0x3956c25bf348b538', '0x59f111f1b605d019', '0x923f82a4af194f9b', '0xab1c5ed5da6d8118',
	'0xd807aa98a3030242', '0x12835b0145706fbe', '0x243185be4ee4b28c', '0x550c7dc3d5ffb4e2',
	'0x72be5d74f27b896f', '0x80deb1fe3b1696b1', '0x9bdc06a725c71235', '0xc19bf174cf692694',
	'0xe49b69c19ef14ad2', '0xefbe4786384f25e3', '0x0fc19dc68b8cd5b5', '0x240ca1cc77ac9c65',
	'0x2de92c6f592b0275', '0x4a7484aa6ea6e483', '0x5cb0a9dcbd41fbd4', '0x76f988da831153b5',
	'0x983e5152ee66dfab', '0xa831c66d2db43210', '0xb00327c898fb213f', '0xbf597fc7beef0ee4',
	'0xc6e00bf33da88fc2', '0xd5a79147930aa725', '0x06ca6351e003826f', '0x142929670a0e6e70',
	'0x27b70a8546d22ffc', '0x2e1b21385c26c926', '0x4d2c6dfc5ac42aed', '0x53380d139d95b3df',
	'0x650a73548baf63de', '0x766a0abb3c77b2a8', '0x81c2c92e47edaee6', '0x92722c851482353b',
	'0xa2bfe8a14cf10364', '0xa81a664bbc423001', '0xc24b8b70d0f89791', '0xc76c51a30654be30',
	'0xd192e819d6ef5218', '0xd69906245565a910', '0xf40e35855771202a', '0x106aa07032bbd1b8',
	'0x19a4c116b8d2d0c8', '0x1e376c085141ab53', '0x2748774cdf8eeb99', '0x34b0bcb5e19b48a8',
	'0x391c0cb3c5c95a63', '0x4ed8aa4ae3418acb', '0x5b9cca4f7763e373', '0x682e6ff3d6b2b8a3',
	'0x748f82ee5defb2fc', '0x78a5636f43172f60', '0x84c87814a1f0ab72', '0x8cc702081a6439ec',
	'0x90befffa23631e28', '0xa4506cebde82bde9', '0xbef9a3f7b2c67915', '0xc67178f2e372532b',
	'0xca273eceea26619c', '0xd186b8c721c0c207', '0xeada7dd6cde0eb1e', '0xf57d4f7fee6ed178',
	'0x06f067aa72176fba', '0x0a637dc5a2c898a6', '0x113f9804bef90dae', '0x1b710b35131c471b',
	'0x28db77f523047d84', '0x32caab7b40c72493', '0x3c9ebe0a15c9bebc', '0x431d67c49c100d4c',
	'0x4cc5d4becb3e42b6', '0x597f299cfc657e2a', '0x5fcb6fab3ad6faec', '0x6c44198c4a475817'
].map(n => BigInt(n))))();
const sha2_SHA512_Kh =   (() => sha2_K512[0])();
const sha2_SHA512_Kl =   (() => sha2_K512[1])();
const sha2_SHA512_W_H =   new Uint32Array(80);
const sha2_SHA512_W_L =   new Uint32Array(80);
class sha2_SHA2_64B extends _md_HashMD {
	constructor(outputLen) {
		super(128, outputLen, 16, false);
	}
	get() {
		const { Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl } = this;
		return [Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl];
	}
	set(Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl) {
		this.Ah = Ah | 0;
		this.Al = Al | 0;
		this.Bh = Bh | 0;
		this.Bl = Bl | 0;
		this.Ch = Ch | 0;
		this.Cl = Cl | 0;
		this.Dh = Dh | 0;
		this.Dl = Dl | 0;
		this.Eh = Eh | 0;
		this.El = El | 0;
		this.Fh = Fh | 0;
		this.Fl = Fl | 0;
		this.Gh = Gh | 0;
		this.Gl = Gl | 0;
		this.Hh = Hh | 0;
		this.Hl = Hl | 0;
	}
	process(view, offset) {
		for (let i = 0; i < 16; i++, offset += 4) {
			sha2_SHA512_W_H[i] = view.getUint32(offset);
			sha2_SHA512_W_L[i] = view.getUint32((offset += 4));
		}
		for (let i = 16; i < 80; i++) {
			const W15h = sha2_SHA512_W_H[i - 15] | 0;
			const W15l = sha2_SHA512_W_L[i - 15] | 0;
			const s0h = _u64_rotrSH(W15h, W15l, 1) ^ _u64_rotrSH(W15h, W15l, 8) ^ _u64_shrSH(W15h, W15l, 7);
			const s0l = _u64_rotrSL(W15h, W15l, 1) ^ _u64_rotrSL(W15h, W15l, 8) ^ _u64_shrSL(W15h, W15l, 7);
			const W2h = sha2_SHA512_W_H[i - 2] | 0;
			const W2l = sha2_SHA512_W_L[i - 2] | 0;
			const s1h = _u64_rotrSH(W2h, W2l, 19) ^ _u64_rotrBH(W2h, W2l, 61) ^ _u64_shrSH(W2h, W2l, 6);
			const s1l = _u64_rotrSL(W2h, W2l, 19) ^ _u64_rotrBL(W2h, W2l, 61) ^ _u64_shrSL(W2h, W2l, 6);
			const SUMl = _u64_add4L(s0l, s1l, sha2_SHA512_W_L[i - 7], sha2_SHA512_W_L[i - 16]);
			const SUMh = _u64_add4H(SUMl, s0h, s1h, sha2_SHA512_W_H[i - 7], sha2_SHA512_W_H[i - 16]);
			sha2_SHA512_W_H[i] = SUMh | 0;
			sha2_SHA512_W_L[i] = SUMl | 0;
		}
		let { Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl } = this;
		for (let i = 0; i < 80; i++) {
			const sigma1h = _u64_rotrSH(Eh, El, 14) ^ _u64_rotrSH(Eh, El, 18) ^ _u64_rotrBH(Eh, El, 41);
			const sigma1l = _u64_rotrSL(Eh, El, 14) ^ _u64_rotrSL(Eh, El, 18) ^ _u64_rotrBL(Eh, El, 41);
			const CHIh = (Eh & Fh) ^ (~Eh & Gh);
			const CHIl = (El & Fl) ^ (~El & Gl);
			const T1ll = _u64_add5L(Hl, sigma1l, CHIl, sha2_SHA512_Kl[i], sha2_SHA512_W_L[i]);
			const T1h = _u64_add5H(T1ll, Hh, sigma1h, CHIh, sha2_SHA512_Kh[i], sha2_SHA512_W_H[i]);
			const T1l = T1ll | 0;
			const sigma0h = _u64_rotrSH(Ah, Al, 28) ^ _u64_rotrBH(Ah, Al, 34) ^ _u64_rotrBH(Ah, Al, 39);
			const sigma0l = _u64_rotrSL(Ah, Al, 28) ^ _u64_rotrBL(Ah, Al, 34) ^ _u64_rotrBL(Ah, Al, 39);
			const MAJh = (Ah & Bh) ^ (Ah & Ch) ^ (Bh & Ch);
			const MAJl = (Al & Bl) ^ (Al & Cl) ^ (Bl & Cl);
			Hh = Gh | 0;
			Hl = Gl | 0;
			Gh = Fh | 0;
			Gl = Fl | 0;
			Fh = Eh | 0;
			Fl = El | 0;
			({ h: Eh, l: El } = _u64_add(Dh | 0, Dl | 0, T1h | 0, T1l | 0));
			Dh = Ch | 0;
			Dl = Cl | 0;
			Ch = Bh | 0;
			Cl = Bl | 0;
			Bh = Ah | 0;
			Bl = Al | 0;
			const All = _u64_add3L(T1l, sigma0l, MAJl);
			Ah = _u64_add3H(All, T1h, sigma0h, MAJh);
			Al = All | 0;
		}
		({ h: Ah, l: Al } = _u64_add(this.Ah | 0, this.Al | 0, Ah | 0, Al | 0));
		({ h: Bh, l: Bl } = _u64_add(this.Bh | 0, this.Bl | 0, Bh | 0, Bl | 0));
		({ h: Ch, l: Cl } = _u64_add(this.Ch | 0, this.Cl | 0, Ch | 0, Cl | 0));
		({ h: Dh, l: Dl } = _u64_add(this.Dh | 0, this.Dl | 0, Dh | 0, Dl | 0));
		({ h: Eh, l: El } = _u64_add(this.Eh | 0, this.El | 0, Eh | 0, El | 0));
		({ h: Fh, l: Fl } = _u64_add(this.Fh | 0, this.Fl | 0, Fh | 0, Fl | 0));
		({ h: Gh, l: Gl } = _u64_add(this.Gh | 0, this.Gl | 0, Gh | 0, Gl | 0));
		({ h: Hh, l: Hl } = _u64_add(this.Hh | 0, this.Hl | 0, Hh | 0, Hl | 0));
		this.set(Ah, Al, Bh, Bl, Ch, Cl, Dh, Dl, Eh, El, Fh, Fl, Gh, Gl, Hh, Hl);
	}
	roundClean() {
		hashes_utils_clean(sha2_SHA512_W_H, sha2_SHA512_W_L);
	}
	destroy() {
		hashes_utils_clean(this.buffer);
		this.set(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	}
}
class sha2_SHA512 extends sha2_SHA2_64B {
	Ah = _md_SHA512_IV[0] | 0;
	Al = _md_SHA512_IV[1] | 0;
	Bh = _md_SHA512_IV[2] | 0;
	Bl = _md_SHA512_IV[3] | 0;
	Ch = _md_SHA512_IV[4] | 0;
	Cl = _md_SHA512_IV[5] | 0;
	Dh = _md_SHA512_IV[6] | 0;
	Dl = _md_SHA512_IV[7] | 0;
	Eh = _md_SHA512_IV[8] | 0;
	El = _md_SHA512_IV[9] | 0;
	Fh = _md_SHA512_IV[10] | 0;
	Fl = _md_SHA512_IV[11] | 0;
	Gh = _md_SHA512_IV[12] | 0;
	Gl = _md_SHA512_IV[13] | 0;
	Hh = _md_SHA512_IV[14] | 0;
	Hl = _md_SHA512_IV[15] | 0;
	constructor() {
		super(64);
	}
}
class sha2_SHA384 extends sha2_SHA2_64B {
	Ah = _md_SHA384_IV[0] | 0;
	Al = _md_SHA384_IV[1] | 0;
	Bh = _md_SHA384_IV[2] | 0;
	Bl = _md_SHA384_IV[3] | 0;
	Ch = _md_SHA384_IV[4] | 0;
	Cl = _md_SHA384_IV[5] | 0;
	Dh = _md_SHA384_IV[6] | 0;
	Dl = _md_SHA384_IV[7] | 0;
	Eh = _md_SHA384_IV[8] | 0;
	El = _md_SHA384_IV[9] | 0;
	Fh = _md_SHA384_IV[10] | 0;
	Fl = _md_SHA384_IV[11] | 0;
	Gh = _md_SHA384_IV[12] | 0;
	Gl = _md_SHA384_IV[13] | 0;
	Hh = _md_SHA384_IV[14] | 0;
	Hl = _md_SHA384_IV[15] | 0;
	constructor() {
		super(48);
	}
}
const sha2_T224_IV =   Uint32Array.from([
	0x8c3d37c8, 0x19544da2, 0x73e19966, 0x89dcd4d6, 0x1dfab7ae, 0x32ff9c82, 0x679dd514, 0x582f9fcf,
	0x0f6d2b69, 0x7bd44da8, 0x77e36f73, 0x04c48942, 0x3f9d85a8, 0x6a1d36c8, 0x1112e6ad, 0x91d692a1,
]);
const sha2_T256_IV =   Uint32Array.from([
	0x22312194, 0xfc2bf72c, 0x9f555fa3, 0xc84c64c2, 0x2393b86b, 0x6f53b151, 0x96387719, 0x5940eabd,
	0x96283ee2, 0xa88effe3, 0xbe5e1e25, 0x53863992, 0x2b0199fc, 0x2c85b8aa, 0x0eb72ddc, 0x81c52ca2,
]);
class sha2_SHA512_224 extends sha2_SHA2_64B {
	Ah = sha2_T224_IV[0] | 0;
	Al = sha2_T224_IV[1] | 0;
	Bh = sha2_T224_IV[2] | 0;
	Bl = sha2_T224_IV[3] | 0;
	Ch = sha2_T224_IV[4] | 0;
	Cl = sha2_T224_IV[5] | 0;
	Dh = sha2_T224_IV[6] | 0;
	Dl = sha2_T224_IV[7] | 0;
	Eh = sha2_T224_IV[8] | 0;
	El = sha2_T224_IV[9] | 0;
	Fh = sha2_T224_IV[10] | 0;
	Fl = sha2_T224_IV[11] | 0;
	Gh = sha2_T224_IV[12] | 0;
	Gl = sha2_T224_IV[13] | 0;
	Hh = sha2_T224_IV[14] | 0;
	Hl = sha2_T224_IV[15] | 0;
	constructor() {
		super(28);
	}
}
class sha2_SHA512_256 extends sha2_SHA2_64B {
	Ah = sha2_T256_IV[0] | 0;
	Al = sha2_T256_IV[1] | 0;
	Bh = sha2_T256_IV[2] | 0;
	Bl = sha2_T256_IV[3] | 0;
	Ch = sha2_T256_IV[4] | 0;
	Cl = sha2_T256_IV[5] | 0;
	Dh = sha2_T256_IV[6] | 0;
	Dl = sha2_T256_IV[7] | 0;
	Eh = sha2_T256_IV[8] | 0;
	El = sha2_T256_IV[9] | 0;
	Fh = sha2_T256_IV[10] | 0;
	Fl = sha2_T256_IV[11] | 0;
	Gh = sha2_T256_IV[12] | 0;
	Gl = sha2_T256_IV[13] | 0;
	Hh = sha2_T256_IV[14] | 0;
	Hl = sha2_T256_IV[15] | 0;
	constructor() {
		super(32);
	}
}
const hashes_sha2_sha256 =   hashes_utils_createHasher(() => new sha2_SHA256(),
  hashes_utils_oidNist(0x01));
const sha2_sha224 =   (  null && (createHasher(() => new sha2_SHA224(),
  oidNist(0x04))));
const hashes_sha2_sha512 =   hashes_utils_createHasher(() => new sha2_SHA512(),
  hashes_utils_oidNist(0x03));
const hashes_sha2_sha384 =   hashes_utils_createHasher(() => new sha2_SHA384(),
  hashes_utils_oidNist(0x02));
const sha2_sha512_256 =   (  null && (createHasher(() => new sha2_SHA512_256(),
  oidNist(0x06))));
const sha2_sha512_224 =   (  null && (createHasher(() => new sha2_SHA512_224(),
  oidNist(0x05))));
;
const utils_0n =   BigInt(0);
const _1n =   BigInt(1);
function curves_utils_abool(value, title = '') {
	if (typeof value !== 'boolean') {
		const prefix = title && `"${title}" `;
		throw new Error(prefix + 'expected boolean, got type=' + typeof value);
	}
	return value;
}
function utils_abignumber(n) {
	if (typeof n === 'bigint') {
		if (!isPosBig(n))
			throw new Error('positive bigint expected, got ' + n);
	}
	else
		hashes_utils_anumber(n);
	return n;
}
function utils_asafenumber(value, title = '') {
	if (!Number.isSafeInteger(value)) {
		const prefix = title && `"${title}" `;
		throw new Error(prefix + 'expected safe integer, got type=' + typeof value);
	}
}
function numberToHexUnpadded(num) {
	const hex = utils_abignumber(num).toString(16);
	return hex.length & 1 ? '0' + hex : hex;
}
function utils_hexToNumber(hex) {
	if (typeof hex !== 'string')
		throw new Error('hex string expected, got ' + typeof hex);
	return hex === '' ? utils_0n : BigInt('0x' + hex);
}
function curves_utils_bytesToNumberBE(bytes) {
	return utils_hexToNumber(hashes_utils_bytesToHex(bytes));
}
function bytesToNumberLE(bytes) {
	return utils_hexToNumber(hashes_utils_bytesToHex(curves_utils_copyBytes(hashes_utils_abytes(bytes)).reverse()));
}
function utils_numberToBytesBE(n, len) {
	hashes_utils_anumber(len);
	n = utils_abignumber(n);
	const res = hashes_utils_hexToBytes(n.toString(16).padStart(len * 2, '0'));
	if (res.length !== len)
		throw new Error('number too large');
	return res;
}
function numberToBytesLE(n, len) {
	return utils_numberToBytesBE(n, len).reverse();
}
function numberToVarBytesBE(n) {
	return hexToBytes_(numberToHexUnpadded(utils_abignumber(n)));
}
function utils_equalBytes(a, b) {
	if (a.length !== b.length)
		return false;
	let diff = 0;
	for (let i = 0; i < a.length; i++)
		diff |= a[i] ^ b[i];
	return diff === 0;
}
function curves_utils_copyBytes(bytes) {
	return Uint8Array.from(bytes);
}
function utils_asciiToBytes(ascii) {
	return Uint8Array.from(ascii, (c, i) => {
		const charCode = c.charCodeAt(0);
		if (c.length !== 1 || charCode > 127) {
			throw new Error(`string contains non-ASCII character "${ascii[i]}" with code ${charCode} at position ${i}`);
		}
		return charCode;
	});
}
const isPosBig = (n) => typeof n === 'bigint' && utils_0n <= n;
function inRange(n, min, max) {
	return isPosBig(n) && isPosBig(min) && isPosBig(max) && min <= n && n < max;
}
function aInRange(title, n, min, max) {
	if (!inRange(n, min, max))
		throw new Error('expected valid ' + title + ': ' + min + ' <= n < ' + max + ', got ' + n);
}
function utils_bitLen(n) {
	let len;
	for (len = 0; n > utils_0n; n >>= _1n, len += 1)
		;
	return len;
}
function bitGet(n, pos) {
	return (n >> BigInt(pos)) & _1n;
}
function bitSet(n, pos, value) {
	return n | ((value ? _1n : utils_0n) << BigInt(pos));
}
const utils_bitMask = (n) => (_1n << BigInt(n)) - _1n;
function createHmacDrbg(hashLen, qByteLen, hmacFn) {
	hashes_utils_anumber(hashLen, 'hashLen');
	hashes_utils_anumber(qByteLen, 'qByteLen');
	if (typeof hmacFn !== 'function')
		throw new Error('hmacFn must be a function');
	const u8n = (len) => new Uint8Array(len);
	const NULL = Uint8Array.of();
	const byte0 = Uint8Array.of(0x00);
	const byte1 = Uint8Array.of(0x01);
	const _maxDrbgIters = 1000;
	let v = u8n(hashLen);
	let k = u8n(hashLen);
	let i = 0;
	const reset = () => {
		v.fill(1);
		k.fill(0);
		i = 0;
	};
	const h = (...msgs) => hmacFn(k, hashes_utils_concatBytes(v, ...msgs));
	const reseed = (seed = NULL) => {
		k = h(byte0, seed);
		v = h();
		if (seed.length === 0)
			return;
		k = h(byte1, seed);
		v = h();
	};
	const gen = () => {
		if (i++ >= _maxDrbgIters)
			throw new Error('drbg: tried max amount of iterations');
		let len = 0;
		const out = [];
		while (len < qByteLen) {
			v = h();
			const sl = v.slice();
			out.push(sl);
			len += v.length;
		}
		return hashes_utils_concatBytes(...out);
	};
	const genUntil = (seed, pred) => {
		reset();
		reseed(seed);
		let res = undefined;
		while (!(res = pred(gen())))
			reseed();
		reset();
		return res;
	};
	return genUntil;
}
function curves_utils_validateObject(object, fields = {}, optFields = {}) {
	if (!object || typeof object !== 'object')
		throw new Error('expected valid options object');
	function checkField(fieldName, expectedType, isOpt) {
		const val = object[fieldName];
		if (isOpt && val === undefined)
			return;
		const current = typeof val;
		if (current !== expectedType || val === null)
			throw new Error(`param "${fieldName}" is invalid: expected ${expectedType}, got ${current}`);
	}
	const iter = (f, isOpt) => Object.entries(f).forEach(([k, v]) => checkField(k, v, isOpt));
	iter(fields, false);
	iter(optFields, true);
}
const notImplemented = () => {
	throw new Error('not implemented');
};
function memoized(fn) {
	const map = new WeakMap();
	return (arg, ...args) => {
		const val = map.get(arg);
		if (val !== undefined)
			return val;
		const computed = fn(arg, ...args);
		map.set(arg, computed);
		return computed;
	};
}
;
const modular_0n =   BigInt(0), modular_1n =   BigInt(1), _2n =   BigInt(2);
const _3n =   BigInt(3), _4n =   BigInt(4), _5n =   BigInt(5);
const _7n =   BigInt(7), _8n =   BigInt(8), _9n =   BigInt(9);
const _16n =   BigInt(16);
function modular_mod(a, b) {
	const result = a % b;
	return result >= modular_0n ? result : b + result;
}
function pow(num, power, modulo) {
	return FpPow(Field(modulo), num, power);
}
function pow2(x, power, modulo) {
	let res = x;
	while (power-- > modular_0n) {
		res *= res;
		res %= modulo;
	}
	return res;
}
function invert(number, modulo) {
	if (number === modular_0n)
		throw new Error('invert: expected non-zero number');
	if (modulo <= modular_0n)
		throw new Error('invert: expected positive modulus, got ' + modulo);
	let a = modular_mod(number, modulo);
	let b = modulo;
	let x = modular_0n, y = modular_1n, u = modular_1n, v = modular_0n;
	while (a !== modular_0n) {
		const q = b / a;
		const r = b % a;
		const m = x - u * q;
		const n = y - v * q;
		b = a, a = r, x = u, y = v, u = m, v = n;
	}
	const gcd = b;
	if (gcd !== modular_1n)
		throw new Error('invert: does not exist');
	return modular_mod(x, modulo);
}
function assertIsSquare(Fp, root, n) {
	if (!Fp.eql(Fp.sqr(root), n))
		throw new Error('Cannot find square root');
}
function sqrt3mod4(Fp, n) {
	const p1div4 = (Fp.ORDER + modular_1n) / _4n;
	const root = Fp.pow(n, p1div4);
	assertIsSquare(Fp, root, n);
	return root;
}
function sqrt5mod8(Fp, n) {
	const p5div8 = (Fp.ORDER - _5n) / _8n;
	const n2 = Fp.mul(n, _2n);
	const v = Fp.pow(n2, p5div8);
	const nv = Fp.mul(n, v);
	const i = Fp.mul(Fp.mul(nv, _2n), v);
	const root = Fp.mul(nv, Fp.sub(i, Fp.ONE));
	assertIsSquare(Fp, root, n);
	return root;
}
function sqrt9mod16(P) {
	const Fp_ = Field(P);
	const tn = tonelliShanks(P);
	const c1 = tn(Fp_, Fp_.neg(Fp_.ONE));
	const c2 = tn(Fp_, c1);
	const c3 = tn(Fp_, Fp_.neg(c1));
	const c4 = (P + _7n) / _16n;
	return (Fp, n) => {
		let tv1 = Fp.pow(n, c4);
		let tv2 = Fp.mul(tv1, c1);
		const tv3 = Fp.mul(tv1, c2);
		const tv4 = Fp.mul(tv1, c3);
		const e1 = Fp.eql(Fp.sqr(tv2), n);
		const e2 = Fp.eql(Fp.sqr(tv3), n);
		tv1 = Fp.cmov(tv1, tv2, e1);
		tv2 = Fp.cmov(tv4, tv3, e2);
		const e3 = Fp.eql(Fp.sqr(tv2), n);
		const root = Fp.cmov(tv1, tv2, e3);
		assertIsSquare(Fp, root, n);
		return root;
	};
}
function tonelliShanks(P) {
	if (P < _3n)
		throw new Error('sqrt is not defined for small field');
	let Q = P - modular_1n;
	let S = 0;
	while (Q % _2n === modular_0n) {
		Q /= _2n;
		S++;
	}
	let Z = _2n;
	const _Fp = Field(P);
	while (FpLegendre(_Fp, Z) === 1) {
		if (Z++ > 1000)
			throw new Error('Cannot find square root: probably non-prime P');
	}
	if (S === 1)
		return sqrt3mod4;
	let cc = _Fp.pow(Z, Q);
	const Q1div2 = (Q + modular_1n) / _2n;
	return function tonelliSlow(Fp, n) {
		if (Fp.is0(n))
			return n;
		if (FpLegendre(Fp, n) !== 1)
			throw new Error('Cannot find square root');
		let M = S;
		let c = Fp.mul(Fp.ONE, cc);
		let t = Fp.pow(n, Q);
		let R = Fp.pow(n, Q1div2);
		while (!Fp.eql(t, Fp.ONE)) {
			if (Fp.is0(t))
				return Fp.ZERO;
			let i = 1;
			let t_tmp = Fp.sqr(t);
			while (!Fp.eql(t_tmp, Fp.ONE)) {
				i++;
				t_tmp = Fp.sqr(t_tmp);
				if (i === M)
					throw new Error('Cannot find square root');
			}
			const exponent = modular_1n << BigInt(M - i - 1);
			const b = Fp.pow(c, exponent);
			M = i;
			c = Fp.sqr(b);
			t = Fp.mul(t, c);
			R = Fp.mul(R, b);
		}
		return R;
	};
}
function FpSqrt(P) {
	if (P % _4n === _3n)
		return sqrt3mod4;
	if (P % _8n === _5n)
		return sqrt5mod8;
	if (P % _16n === _9n)
		return sqrt9mod16(P);
	return tonelliShanks(P);
}
const isNegativeLE = (num, modulo) => (modular_mod(num, modulo) & modular_1n) === modular_1n;
const FIELD_FIELDS = [
	'create', 'isValid', 'is0', 'neg', 'inv', 'sqrt', 'sqr',
	'eql', 'add', 'sub', 'mul', 'pow', 'div',
	'addN', 'subN', 'mulN', 'sqrN'
];
function modular_validateField(field) {
	const initial = {
		ORDER: 'bigint',
		BYTES: 'number',
		BITS: 'number',
	};
	const opts = FIELD_FIELDS.reduce((map, val) => {
		map[val] = 'function';
		return map;
	}, initial);
	curves_utils_validateObject(field, opts);
	return field;
}
function FpPow(Fp, num, power) {
	if (power < modular_0n)
		throw new Error('invalid exponent, negatives unsupported');
	if (power === modular_0n)
		return Fp.ONE;
	if (power === modular_1n)
		return num;
	let p = Fp.ONE;
	let d = num;
	while (power > modular_0n) {
		if (power & modular_1n)
			p = Fp.mul(p, d);
		d = Fp.sqr(d);
		power >>= modular_1n;
	}
	return p;
}
function modular_FpInvertBatch(Fp, nums, passZero = false) {
	const inverted = new Array(nums.length).fill(passZero ? Fp.ZERO : undefined);
	const multipliedAcc = nums.reduce((acc, num, i) => {
		if (Fp.is0(num))
			return acc;
		inverted[i] = acc;
		return Fp.mul(acc, num);
	}, Fp.ONE);
	const invertedAcc = Fp.inv(multipliedAcc);
	nums.reduceRight((acc, num, i) => {
		if (Fp.is0(num))
			return acc;
		inverted[i] = Fp.mul(acc, inverted[i]);
		return Fp.mul(acc, num);
	}, invertedAcc);
	return inverted;
}
function FpDiv(Fp, lhs, rhs) {
	return Fp.mul(lhs, typeof rhs === 'bigint' ? invert(rhs, Fp.ORDER) : Fp.inv(rhs));
}
function FpLegendre(Fp, n) {
	const p1mod2 = (Fp.ORDER - modular_1n) / _2n;
	const powered = Fp.pow(n, p1mod2);
	const yes = Fp.eql(powered, Fp.ONE);
	const zero = Fp.eql(powered, Fp.ZERO);
	const no = Fp.eql(powered, Fp.neg(Fp.ONE));
	if (!yes && !zero && !no)
		throw new Error('invalid Legendre symbol result');
	return yes ? 1 : zero ? 0 : -1;
}
function modular_FpIsSquare(Fp, n) {
	const l = FpLegendre(Fp, n);
	return l === 1;
}
function nLength(n, nBitLength) {
	if (nBitLength !== undefined)
		hashes_utils_anumber(nBitLength);
	const _nBitLength = nBitLength !== undefined ? nBitLength : n.toString(2).length;
	const nByteLength = Math.ceil(_nBitLength / 8);
	return { nBitLength: _nBitLength, nByteLength };
}
class _Field {
	ORDER;
	BITS;
	BYTES;
	isLE;
	ZERO = modular_0n;
	ONE = modular_1n;
	_lengths;
	_sqrt;
	_mod;
	constructor(ORDER, opts = {}) {
		if (ORDER <= modular_0n)
			throw new Error('invalid field: expected ORDER > 0, got ' + ORDER);
		let _nbitLength = undefined;
		this.isLE = false;
		if (opts != null && typeof opts === 'object') {
			if (typeof opts.BITS === 'number')
				_nbitLength = opts.BITS;
			if (typeof opts.sqrt === 'function')
				this.sqrt = opts.sqrt;
			if (typeof opts.isLE === 'boolean')
				this.isLE = opts.isLE;
			if (opts.allowedLengths)
				this._lengths = opts.allowedLengths?.slice();
			if (typeof opts.modFromBytes === 'boolean')
				this._mod = opts.modFromBytes;
		}
		const { nBitLength, nByteLength } = nLength(ORDER, _nbitLength);
		if (nByteLength > 2048)
			throw new Error('invalid field: expected ORDER of <= 2048 bytes');
		this.ORDER = ORDER;
		this.BITS = nBitLength;
		this.BYTES = nByteLength;
		this._sqrt = undefined;
		Object.preventExtensions(this);
	}
	create(num) {
		return modular_mod(num, this.ORDER);
	}
	isValid(num) {
		if (typeof num !== 'bigint')
			throw new Error('invalid field element: expected bigint, got ' + typeof num);
		return modular_0n <= num && num < this.ORDER;
	}
	is0(num) {
		return num === modular_0n;
	}
	isValidNot0(num) {
		return !this.is0(num) && this.isValid(num);
	}
	isOdd(num) {
		return (num & modular_1n) === modular_1n;
	}
	neg(num) {
		return modular_mod(-num, this.ORDER);
	}
	eql(lhs, rhs) {
		return lhs === rhs;
	}
	sqr(num) {
		return modular_mod(num * num, this.ORDER);
	}
	add(lhs, rhs) {
		return modular_mod(lhs + rhs, this.ORDER);
	}
	sub(lhs, rhs) {
		return modular_mod(lhs - rhs, this.ORDER);
	}
	mul(lhs, rhs) {
		return modular_mod(lhs * rhs, this.ORDER);
	}
	pow(num, power) {
		return FpPow(this, num, power);
	}
	div(lhs, rhs) {
		return modular_mod(lhs * invert(rhs, this.ORDER), this.ORDER);
	}
	sqrN(num) {
		return num * num;
	}
	addN(lhs, rhs) {
		return lhs + rhs;
	}
	subN(lhs, rhs) {
		return lhs - rhs;
	}
	mulN(lhs, rhs) {
		return lhs * rhs;
	}
	inv(num) {
		return invert(num, this.ORDER);
	}
	sqrt(num) {
		if (!this._sqrt)
			this._sqrt = FpSqrt(this.ORDER);
		return this._sqrt(this, num);
	}
	toBytes(num) {
		return this.isLE ? numberToBytesLE(num, this.BYTES) : utils_numberToBytesBE(num, this.BYTES);
	}
	fromBytes(bytes, skipValidation = false) {
		hashes_utils_abytes(bytes);
		const { _lengths: allowedLengths, BYTES, isLE, ORDER, _mod: modFromBytes } = this;
		if (allowedLengths) {
			if (!allowedLengths.includes(bytes.length) || bytes.length > BYTES) {
				throw new Error('Field.fromBytes: expected ' + allowedLengths + ' bytes, got ' + bytes.length);
			}
			const padded = new Uint8Array(BYTES);
			padded.set(bytes, isLE ? 0 : padded.length - bytes.length);
			bytes = padded;
		}
		if (bytes.length !== BYTES)
			throw new Error('Field.fromBytes: expected ' + BYTES + ' bytes, got ' + bytes.length);
		let scalar = isLE ? bytesToNumberLE(bytes) : curves_utils_bytesToNumberBE(bytes);
		if (modFromBytes)
			scalar = modular_mod(scalar, ORDER);
		if (!skipValidation)
			if (!this.isValid(scalar))
				throw new Error('invalid field element: outside of range 0..ORDER');
		return scalar;
	}
	invertBatch(lst) {
		return modular_FpInvertBatch(this, lst);
	}
	cmov(a, b, condition) {
		return condition ? b : a;
	}
}
function Field(ORDER, opts = {}) {
	return new _Field(ORDER, opts);
}
function FpSqrtOdd(Fp, elm) {
	if (!Fp.isOdd)
		throw new Error("Field doesn't have isOdd");
	const root = Fp.sqrt(elm);
	return Fp.isOdd(root) ? root : Fp.neg(root);
}
function modular_FpSqrtEven(Fp, elm) {
	if (!Fp.isOdd)
		throw new Error("Field doesn't have isOdd");
	const root = Fp.sqrt(elm);
	return Fp.isOdd(root) ? Fp.neg(root) : root;
}
function getFieldBytesLength(fieldOrder) {
	if (typeof fieldOrder !== 'bigint')
		throw new Error('field order must be bigint');
	const bitLength = fieldOrder.toString(2).length;
	return Math.ceil(bitLength / 8);
}
function getMinHashLength(fieldOrder) {
	const length = getFieldBytesLength(fieldOrder);
	return length + Math.ceil(length / 2);
}
function mapHashToField(key, fieldOrder, isLE = false) {
	hashes_utils_abytes(key);
	const len = key.length;
	const fieldLen = getFieldBytesLength(fieldOrder);
	const minLen = getMinHashLength(fieldOrder);
	if (len < 16 || len < minLen || len > 1024)
		throw new Error('expected ' + minLen + '-1024 bytes of input, got ' + len);
	const num = isLE ? bytesToNumberLE(key) : curves_utils_bytesToNumberBE(key);
	const reduced = modular_mod(num, fieldOrder - modular_1n) + modular_1n;
	return isLE ? numberToBytesLE(reduced, fieldLen) : utils_numberToBytesBE(reduced, fieldLen);
}
;
const curve_0n =   BigInt(0);
const curve_1n =   BigInt(1);
function negateCt(condition, item) {
	const neg = item.negate();
	return condition ? neg : item;
}
function normalizeZ(c, points) {
	const invertedZs = modular_FpInvertBatch(c.Fp, points.map((p) => p.Z));
	return points.map((p, i) => c.fromAffine(p.toAffine(invertedZs[i])));
}
function validateW(W, bits) {
	if (!Number.isSafeInteger(W) || W <= 0 || W > bits)
		throw new Error('invalid window size, expected [1..' + bits + '], got W=' + W);
}
function calcWOpts(W, scalarBits) {
	validateW(W, scalarBits);
	const windows = Math.ceil(scalarBits / W) + 1;
	const windowSize = 2 ** (W - 1);
	const maxNumber = 2 ** W;
	const mask = utils_bitMask(W);
	const shiftBy = BigInt(W);
	return { windows, windowSize, mask, maxNumber, shiftBy };
}
function calcOffsets(n, window, wOpts) {
	const { windowSize, mask, maxNumber, shiftBy } = wOpts;
	let wbits = Number(n & mask);
	let nextN = n >> shiftBy;
	if (wbits > windowSize) {
		wbits -= maxNumber;
		nextN += curve_1n;
	}
	const offsetStart = window * windowSize;
	const offset = offsetStart + Math.abs(wbits) - 1;
	const isZero = wbits === 0;
	const isNeg = wbits < 0;
	const isNegF = window % 2 !== 0;
	const offsetF = offsetStart;
	return { nextN, offset, isZero, isNeg, isNegF, offsetF };
}
function validateMSMPoints(points, c) {
	if (!Array.isArray(points))
		throw new Error('array expected');
	points.forEach((p, i) => {
		if (!(p instanceof c))
			throw new Error('invalid point at index ' + i);
	});
}
function validateMSMScalars(scalars, field) {
	if (!Array.isArray(scalars))
		throw new Error('array of scalars expected');
	scalars.forEach((s, i) => {
		if (!field.isValid(s))
			throw new Error('invalid scalar at index ' + i);
	});
}
const pointPrecomputes = new WeakMap();
const pointWindowSizes = new WeakMap();
function getW(P) {
	return pointWindowSizes.get(P) || 1;
}
function assert0(n) {
	if (n !== curve_0n)
		throw new Error('invalid wNAF');
}
class wNAF {
	BASE;
	ZERO;
	Fn;
	bits;
	constructor(Point, bits) {
		this.BASE = Point.BASE;
		this.ZERO = Point.ZERO;
		this.Fn = Point.Fn;
		this.bits = bits;
	}
	_unsafeLadder(elm, n, p = this.ZERO) {
		let d = elm;
		while (n > curve_0n) {
			if (n & curve_1n)
				p = p.add(d);
			d = d.double();
			n >>= curve_1n;
		}
		return p;
	}
	precomputeWindow(point, W) {
		const { windows, windowSize } = calcWOpts(W, this.bits);
		const points = [];
		let p = point;
		let base = p;
		for (let window = 0; window < windows; window++) {
			base = p;
			points.push(base);
			for (let i = 1; i < windowSize; i++) {
				base = base.add(p);
				points.push(base);
			}
			p = base.double();
		}
		return points;
	}
	wNAF(W, precomputes, n) {
		if (!this.Fn.isValid(n))
			throw new Error('invalid scalar');
		let p = this.ZERO;
		let f = this.BASE;
		const wo = calcWOpts(W, this.bits);
		for (let window = 0; window < wo.windows; window++) {
			const { nextN, offset, isZero, isNeg, isNegF, offsetF } = calcOffsets(n, window, wo);
			n = nextN;
			if (isZero) {
				f = f.add(negateCt(isNegF, precomputes[offsetF]));
			}
			else {
				p = p.add(negateCt(isNeg, precomputes[offset]));
			}
		}
		assert0(n);
		return { p, f };
	}
	wNAFUnsafe(W, precomputes, n, acc = this.ZERO) {
		const wo = calcWOpts(W, this.bits);
		for (let window = 0; window < wo.windows; window++) {
			if (n === curve_0n)
				break;
			const { nextN, offset, isZero, isNeg } = calcOffsets(n, window, wo);
			n = nextN;
			if (isZero) {
				continue;
			}
			else {
				const item = precomputes[offset];
				acc = acc.add(isNeg ? item.negate() : item);
			}
		}
		assert0(n);
		return acc;
	}
	getPrecomputes(W, point, transform) {
		let comp = pointPrecomputes.get(point);
		if (!comp) {
			comp = this.precomputeWindow(point, W);
			if (W !== 1) {
				if (typeof transform === 'function')
					comp = transform(comp);
				pointPrecomputes.set(point, comp);
			}
		}
		return comp;
	}
	cached(point, scalar, transform) {
		const W = getW(point);
		return this.wNAF(W, this.getPrecomputes(W, point, transform), scalar);
	}
	unsafe(point, scalar, transform, prev) {
		const W = getW(point);
		if (W === 1)
			return this._unsafeLadder(point, scalar, prev);
		return this.wNAFUnsafe(W, this.getPrecomputes(W, point, transform), scalar, prev);
	}
	createCache(P, W) {
		validateW(W, this.bits);
		pointWindowSizes.set(P, W);
		pointPrecomputes.delete(P);
	}
	hasCache(elm) {
		return getW(elm) !== 1;
	}
}
function mulEndoUnsafe(Point, point, k1, k2) {
	let acc = point;
	let p1 = Point.ZERO;
	let p2 = Point.ZERO;
	while (k1 > curve_0n || k2 > curve_0n) {
		if (k1 & curve_1n)
			p1 = p1.add(acc);
		if (k2 & curve_1n)
			p2 = p2.add(acc);
		acc = acc.double();
		k1 >>= curve_1n;
		k2 >>= curve_1n;
	}
	return { p1, p2 };
}
function pippenger(c, points, scalars) {
	const fieldN = c.Fn;
	validateMSMPoints(points, c);
	validateMSMScalars(scalars, fieldN);
	const plength = points.length;
	const slength = scalars.length;
	if (plength !== slength)
		throw new Error('arrays of points and scalars must have equal length');
	const zero = c.ZERO;
	const wbits = bitLen(BigInt(plength));
	let windowSize = 1;
	if (wbits > 12)
		windowSize = wbits - 3;
	else if (wbits > 4)
		windowSize = wbits - 2;
	else if (wbits > 0)
		windowSize = 2;
	const MASK = bitMask(windowSize);
	const buckets = new Array(Number(MASK) + 1).fill(zero);
	const lastBits = Math.floor((fieldN.BITS - 1) / windowSize) * windowSize;
	let sum = zero;
	for (let i = lastBits; i >= 0; i -= windowSize) {
		buckets.fill(zero);
		for (let j = 0; j < slength; j++) {
			const scalar = scalars[j];
			const wbits = Number((scalar >> BigInt(i)) & MASK);
			buckets[wbits] = buckets[wbits].add(points[j]);
		}
		let resI = zero;
		for (let j = buckets.length - 1, sumI = zero; j > 0; j--) {
			sumI = sumI.add(buckets[j]);
			resI = resI.add(sumI);
		}
		sum = sum.add(resI);
		if (i !== 0)
			for (let j = 0; j < windowSize; j++)
				sum = sum.double();
	}
	return sum;
}
function precomputeMSMUnsafe(c, points, windowSize) {
	const fieldN = c.Fn;
	validateW(windowSize, fieldN.BITS);
	validateMSMPoints(points, c);
	const zero = c.ZERO;
	const tableSize = 2 ** windowSize - 1;
	const chunks = Math.ceil(fieldN.BITS / windowSize);
	const MASK = bitMask(windowSize);
	const tables = points.map((p) => {
		const res = [];
		for (let i = 0, acc = p; i < tableSize; i++) {
			res.push(acc);
			acc = acc.add(p);
		}
		return res;
	});
	return (scalars) => {
		validateMSMScalars(scalars, fieldN);
		if (scalars.length > points.length)
			throw new Error('array of scalars must be smaller than array of points');
		let res = zero;
		for (let i = 0; i < chunks; i++) {
			if (res !== zero)
				for (let j = 0; j < windowSize; j++)
					res = res.double();
			const shiftBy = BigInt(chunks * windowSize - (i + 1) * windowSize);
			for (let j = 0; j < scalars.length; j++) {
				const n = scalars[j];
				const curr = Number((n >> shiftBy) & MASK);
				if (!curr)
					continue;
				res = res.add(tables[j][curr - 1]);
			}
		}
		return res;
	};
}
function createField(order, field, isLE) {
	if (field) {
		if (field.ORDER !== order)
			throw new Error('Field.ORDER must match order: Fp == p, Fn == n');
		modular_validateField(field);
		return field;
	}
	else {
		return Field(order, { isLE });
	}
}
function createCurveFields(type, CURVE, curveOpts = {}, FpFnLE) {
	if (FpFnLE === undefined)
		FpFnLE = type === 'edwards';
	if (!CURVE || typeof CURVE !== 'object')
		throw new Error(`expected valid ${type} CURVE object`);
	for (const p of ['p', 'n', 'h']) {
		const val = CURVE[p];
		if (!(typeof val === 'bigint' && val > curve_0n))
			throw new Error(`CURVE.${p} must be positive bigint`);
	}
	const Fp = createField(CURVE.p, curveOpts.Fp, FpFnLE);
	const Fn = createField(CURVE.n, curveOpts.Fn, FpFnLE);
	const _b = type === 'weierstrass' ? 'b' : 'd';
	const params = ['Gx', 'Gy', 'a', _b];
	for (const p of params) {
		if (!Fp.isValid(CURVE[p]))
			throw new Error(`CURVE.${p} must be valid field element of CURVE.Fp`);
	}
	CURVE = Object.freeze(Object.assign({}, CURVE));
	return { CURVE, Fp, Fn };
}
function createKeygen(randomSecretKey, getPublicKey) {
	return function keygen(seed) {
		const secretKey = randomSecretKey(seed);
		return { secretKey, publicKey: getPublicKey(secretKey) };
	};
}
;
const edwards_0n = BigInt(0), edwards_1n = BigInt(1), edwards_2n = BigInt(2), edwards_8n = BigInt(8);
function isEdValidXY(Fp, CURVE, x, y) {
	const x2 = Fp.sqr(x);
	const y2 = Fp.sqr(y);
	const left = Fp.add(Fp.mul(CURVE.a, x2), y2);
	const right = Fp.add(Fp.ONE, Fp.mul(CURVE.d, Fp.mul(x2, y2)));
	return Fp.eql(left, right);
}
function edwards(params, extraOpts = {}) {
	const validated = createCurveFields('edwards', params, extraOpts, extraOpts.FpFnLE);
	const { Fp, Fn } = validated;
	let CURVE = validated.CURVE;
	const { h: cofactor } = CURVE;
	curves_utils_validateObject(extraOpts, {}, { uvRatio: 'function' });
	const MASK = edwards_2n << (BigInt(Fn.BYTES * 8) - edwards_1n);
	const modP = (n) => Fp.create(n);
	const uvRatio = extraOpts.uvRatio ||
		((u, v) => {
			try {
				return { isValid: true, value: Fp.sqrt(Fp.div(u, v)) };
			}
			catch (e) {
				return { isValid: false, value: edwards_0n };
			}
		});
	if (!isEdValidXY(Fp, CURVE, CURVE.Gx, CURVE.Gy))
		throw new Error('bad curve params: generator point');
	function acoord(title, n, banZero = false) {
		const min = banZero ? edwards_1n : edwards_0n;
		aInRange('coordinate ' + title, n, min, MASK);
		return n;
	}
	function aedpoint(other) {
		if (!(other instanceof Point))
			throw new Error('EdwardsPoint expected');
	}
	const toAffineMemo = memoized((p, iz) => {
		const { X, Y, Z } = p;
		const is0 = p.is0();
		if (iz == null)
			iz = is0 ? edwards_8n : Fp.inv(Z);
		const x = modP(X * iz);
		const y = modP(Y * iz);
		const zz = Fp.mul(Z, iz);
		if (is0)
			return { x: edwards_0n, y: edwards_1n };
		if (zz !== edwards_1n)
			throw new Error('invZ was invalid');
		return { x, y };
	});
	const assertValidMemo = memoized((p) => {
		const { a, d } = CURVE;
		if (p.is0())
			throw new Error('bad point: ZERO');
		const { X, Y, Z, T } = p;
		const X2 = modP(X * X);
		const Y2 = modP(Y * Y);
		const Z2 = modP(Z * Z);
		const Z4 = modP(Z2 * Z2);
		const aX2 = modP(X2 * a);
		const left = modP(Z2 * modP(aX2 + Y2));
		const right = modP(Z4 + modP(d * modP(X2 * Y2)));
		if (left !== right)
			throw new Error('bad point: equation left != right (1)');
		const XY = modP(X * Y);
		const ZT = modP(Z * T);
		if (XY !== ZT)
			throw new Error('bad point: equation left != right (2)');
		return true;
	});
	class Point {
		static BASE = new Point(CURVE.Gx, CURVE.Gy, edwards_1n, modP(CURVE.Gx * CURVE.Gy));
		static ZERO = new Point(edwards_0n, edwards_1n, edwards_1n, edwards_0n);
		static Fp = Fp;
		static Fn = Fn;
		X;
		Y;
		Z;
		T;
		constructor(X, Y, Z, T) {
			this.X = acoord('x', X);
			this.Y = acoord('y', Y);
			this.Z = acoord('z', Z, true);
			this.T = acoord('t', T);
			Object.freeze(this);
		}
		static CURVE() {
			return CURVE;
		}
		static fromAffine(p) {
			if (p instanceof Point)
				throw new Error('extended point not allowed');
			const { x, y } = p || {};
			acoord('x', x);
			acoord('y', y);
			return new Point(x, y, edwards_1n, modP(x * y));
		}
		static fromBytes(bytes, zip215 = false) {
			const len = Fp.BYTES;
			const { a, d } = CURVE;
			bytes = curves_utils_copyBytes(hashes_utils_abytes(bytes, len, 'point'));
			curves_utils_abool(zip215, 'zip215');
			const normed = curves_utils_copyBytes(bytes);
			const lastByte = bytes[len - 1];
			normed[len - 1] = lastByte & ~0x80;
			const y = bytesToNumberLE(normed);
			const max = zip215 ? MASK : Fp.ORDER;
			aInRange('point.y', y, edwards_0n, max);
			const y2 = modP(y * y);
			const u = modP(y2 - edwards_1n);
			const v = modP(d * y2 - a);
			let { isValid, value: x } = uvRatio(u, v);
			if (!isValid)
				throw new Error('bad point: invalid y coordinate');
			const isXOdd = (x & edwards_1n) === edwards_1n;
			const isLastByteOdd = (lastByte & 0x80) !== 0;
			if (!zip215 && x === edwards_0n && isLastByteOdd)
				throw new Error('bad point: x=0 and x_0=1');
			if (isLastByteOdd !== isXOdd)
				x = modP(-x);
			return Point.fromAffine({ x, y });
		}
		static fromHex(hex, zip215 = false) {
			return Point.fromBytes(hashes_utils_hexToBytes(hex), zip215);
		}
		get x() {
			return this.toAffine().x;
		}
		get y() {
			return this.toAffine().y;
		}
		precompute(windowSize = 8, isLazy = true) {
			wnaf.createCache(this, windowSize);
			if (!isLazy)
				this.multiply(edwards_2n);
			return this;
		}
		assertValidity() {
			assertValidMemo(this);
		}
		equals(other) {
			aedpoint(other);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const { X: X2, Y: Y2, Z: Z2 } = other;
			const X1Z2 = modP(X1 * Z2);
			const X2Z1 = modP(X2 * Z1);
			const Y1Z2 = modP(Y1 * Z2);
			const Y2Z1 = modP(Y2 * Z1);
			return X1Z2 === X2Z1 && Y1Z2 === Y2Z1;
		}
		is0() {
			return this.equals(Point.ZERO);
		}
		negate() {
			return new Point(modP(-this.X), this.Y, this.Z, modP(-this.T));
		}
		double() {
			const { a } = CURVE;
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const A = modP(X1 * X1);
			const B = modP(Y1 * Y1);
			const C = modP(edwards_2n * modP(Z1 * Z1));
			const D = modP(a * A);
			const x1y1 = X1 + Y1;
			const E = modP(modP(x1y1 * x1y1) - A - B);
			const G = D + B;
			const F = G - C;
			const H = D - B;
			const X3 = modP(E * F);
			const Y3 = modP(G * H);
			const T3 = modP(E * H);
			const Z3 = modP(F * G);
			return new Point(X3, Y3, Z3, T3);
		}
		add(other) {
			aedpoint(other);
			const { a, d } = CURVE;
			const { X: X1, Y: Y1, Z: Z1, T: T1 } = this;
			const { X: X2, Y: Y2, Z: Z2, T: T2 } = other;
			const A = modP(X1 * X2);
			const B = modP(Y1 * Y2);
			const C = modP(T1 * d * T2);
			const D = modP(Z1 * Z2);
			const E = modP((X1 + Y1) * (X2 + Y2) - A - B);
			const F = D - C;
			const G = D + C;
			const H = modP(B - a * A);
			const X3 = modP(E * F);
			const Y3 = modP(G * H);
			const T3 = modP(E * H);
			const Z3 = modP(F * G);
			return new Point(X3, Y3, Z3, T3);
		}
		subtract(other) {
			return this.add(other.negate());
		}
		multiply(scalar) {
			if (!Fn.isValidNot0(scalar))
				throw new Error('invalid scalar: expected 1 <= sc < curve.n');
			const { p, f } = wnaf.cached(this, scalar, (p) => normalizeZ(Point, p));
			return normalizeZ(Point, [p, f])[0];
		}
		multiplyUnsafe(scalar, acc = Point.ZERO) {
			if (!Fn.isValid(scalar))
				throw new Error('invalid scalar: expected 0 <= sc < curve.n');
			if (scalar === edwards_0n)
				return Point.ZERO;
			if (this.is0() || scalar === edwards_1n)
				return this;
			return wnaf.unsafe(this, scalar, (p) => normalizeZ(Point, p), acc);
		}
		isSmallOrder() {
			return this.multiplyUnsafe(cofactor).is0();
		}
		isTorsionFree() {
			return wnaf.unsafe(this, CURVE.n).is0();
		}
		toAffine(invertedZ) {
			return toAffineMemo(this, invertedZ);
		}
		clearCofactor() {
			if (cofactor === edwards_1n)
				return this;
			return this.multiplyUnsafe(cofactor);
		}
		toBytes() {
			const { x, y } = this.toAffine();
			const bytes = Fp.toBytes(y);
			bytes[bytes.length - 1] |= x & edwards_1n ? 0x80 : 0;
			return bytes;
		}
		toHex() {
			return hashes_utils_bytesToHex(this.toBytes());
		}
		toString() {
			return `<Point ${this.is0() ? 'ZERO' : this.toHex()}>`;
		}
	}
	const wnaf = new wNAF(Point, Fn.BITS);
	Point.BASE.precompute(8);
	return Point;
}
class PrimeEdwardsPoint {
	static BASE;
	static ZERO;
	static Fp;
	static Fn;
	ep;
	constructor(ep) {
		this.ep = ep;
	}
	static fromBytes(_bytes) {
		notImplemented();
	}
	static fromHex(_hex) {
		notImplemented();
	}
	get x() {
		return this.toAffine().x;
	}
	get y() {
		return this.toAffine().y;
	}
	clearCofactor() {
		return this;
	}
	assertValidity() {
		this.ep.assertValidity();
	}
	toAffine(invertedZ) {
		return this.ep.toAffine(invertedZ);
	}
	toHex() {
		return hashes_utils_bytesToHex(this.toBytes());
	}
	toString() {
		return this.toHex();
	}
	isTorsionFree() {
		return true;
	}
	isSmallOrder() {
		return false;
	}
	add(other) {
		this.assertSame(other);
		return this.init(this.ep.add(other.ep));
	}
	subtract(other) {
		this.assertSame(other);
		return this.init(this.ep.subtract(other.ep));
	}
	multiply(scalar) {
		return this.init(this.ep.multiply(scalar));
	}
	multiplyUnsafe(scalar) {
		return this.init(this.ep.multiplyUnsafe(scalar));
	}
	double() {
		return this.init(this.ep.double());
	}
	negate() {
		return this.init(this.ep.negate());
	}
	precompute(windowSize, isLazy) {
		return this.init(this.ep.precompute(windowSize, isLazy));
	}
}
function eddsa(Point, cHash, eddsaOpts = {}) {
	if (typeof cHash !== 'function')
		throw new Error('"hash" function param is required');
	curves_utils_validateObject(eddsaOpts, {}, {
		adjustScalarBytes: 'function',
		randomBytes: 'function',
		domain: 'function',
		prehash: 'function',
		mapToCurve: 'function',
	});
	const { prehash } = eddsaOpts;
	const { BASE, Fp, Fn } = Point;
	const randomBytes = eddsaOpts.randomBytes || hashes_utils_randomBytes;
	const adjustScalarBytes = eddsaOpts.adjustScalarBytes || ((bytes) => bytes);
	const domain = eddsaOpts.domain ||
		((data, ctx, phflag) => {
			curves_utils_abool(phflag, 'phflag');
			if (ctx.length || phflag)
				throw new Error('Contexts/pre-hash are not supported');
			return data;
		});
	function modN_LE(hash) {
		return Fn.create(bytesToNumberLE(hash));
	}
	function getPrivateScalar(key) {
		const len = lengths.secretKey;
		hashes_utils_abytes(key, lengths.secretKey, 'secretKey');
		const hashed = hashes_utils_abytes(cHash(key), 2 * len, 'hashedSecretKey');
		const head = adjustScalarBytes(hashed.slice(0, len));
		const prefix = hashed.slice(len, 2 * len);
		const scalar = modN_LE(head);
		return { head, prefix, scalar };
	}
	function getExtendedPublicKey(secretKey) {
		const { head, prefix, scalar } = getPrivateScalar(secretKey);
		const point = BASE.multiply(scalar);
		const pointBytes = point.toBytes();
		return { head, prefix, scalar, point, pointBytes };
	}
	function getPublicKey(secretKey) {
		return getExtendedPublicKey(secretKey).pointBytes;
	}
	function hashDomainToScalar(context = Uint8Array.of(), ...msgs) {
		const msg = hashes_utils_concatBytes(...msgs);
		return modN_LE(cHash(domain(msg, hashes_utils_abytes(context, undefined, 'context'), !!prehash)));
	}
	function sign(msg, secretKey, options = {}) {
		msg = hashes_utils_abytes(msg, undefined, 'message');
		if (prehash)
			msg = prehash(msg);
		const { prefix, scalar, pointBytes } = getExtendedPublicKey(secretKey);
		const r = hashDomainToScalar(options.context, prefix, msg);
		const R = BASE.multiply(r).toBytes();
		const k = hashDomainToScalar(options.context, R, pointBytes, msg);
		const s = Fn.create(r + k * scalar);
		if (!Fn.isValid(s))
			throw new Error('sign failed: invalid s');
		const rs = hashes_utils_concatBytes(R, Fn.toBytes(s));
		return hashes_utils_abytes(rs, lengths.signature, 'result');
	}
	const verifyOpts = { zip215: true };
	function verify(sig, msg, publicKey, options = verifyOpts) {
		const { context, zip215 } = options;
		const len = lengths.signature;
		sig = hashes_utils_abytes(sig, len, 'signature');
		msg = hashes_utils_abytes(msg, undefined, 'message');
		publicKey = hashes_utils_abytes(publicKey, lengths.publicKey, 'publicKey');
		if (zip215 !== undefined)
			curves_utils_abool(zip215, 'zip215');
		if (prehash)
			msg = prehash(msg);
		const mid = len / 2;
		const r = sig.subarray(0, mid);
		const s = bytesToNumberLE(sig.subarray(mid, len));
		let A, R, SB;
		try {
			A = Point.fromBytes(publicKey, zip215);
			R = Point.fromBytes(r, zip215);
			SB = BASE.multiplyUnsafe(s);
		}
		catch (error) {
			return false;
		}
		if (!zip215 && A.isSmallOrder())
			return false;
		const k = hashDomainToScalar(context, R.toBytes(), A.toBytes(), msg);
		const RkA = R.add(A.multiplyUnsafe(k));
		return RkA.subtract(SB).clearCofactor().is0();
	}
	const _size = Fp.BYTES;
	const lengths = {
		secretKey: _size,
		publicKey: _size,
		signature: 2 * _size,
		seed: _size,
	};
	function randomSecretKey(seed = randomBytes(lengths.seed)) {
		return hashes_utils_abytes(seed, lengths.seed, 'seed');
	}
	function isValidSecretKey(key) {
		return hashes_utils_isBytes(key) && key.length === Fn.BYTES;
	}
	function isValidPublicKey(key, zip215) {
		try {
			return !!Point.fromBytes(key, zip215);
		}
		catch (error) {
			return false;
		}
	}
	const utils = {
		getExtendedPublicKey,
		randomSecretKey,
		isValidSecretKey,
		isValidPublicKey,
		toMontgomery(publicKey) {
			const { y } = Point.fromBytes(publicKey);
			const size = lengths.publicKey;
			const is25519 = size === 32;
			if (!is25519 && size !== 57)
				throw new Error('only defined for 25519 and 448');
			const u = is25519 ? Fp.div(edwards_1n + y, edwards_1n - y) : Fp.div(y - edwards_1n, y + edwards_1n);
			return Fp.toBytes(u);
		},
		toMontgomerySecret(secretKey) {
			const size = lengths.secretKey;
			hashes_utils_abytes(secretKey, size);
			const hashed = cHash(secretKey.subarray(0, size));
			return adjustScalarBytes(hashed).subarray(0, size);
		},
	};
	return Object.freeze({
		keygen: createKeygen(randomSecretKey, getPublicKey),
		getPublicKey,
		sign,
		verify,
		utils,
		Point,
		lengths,
	});
}
;
const os2ip = (  null && (bytesToNumberBE));
function i2osp(value, length) {
	utils_asafenumber(value);
	utils_asafenumber(length);
	if (value < 0 || value >= 1 << (8 * length))
		throw new Error('invalid I2OSP input: ' + value);
	const res = Array.from({ length }).fill(0);
	for (let i = length - 1; i >= 0; i--) {
		res[i] = value & 0xff;
		value >>>= 8;
	}
	return new Uint8Array(res);
}
function strxor(a, b) {
	const arr = new Uint8Array(a.length);
	for (let i = 0; i < a.length; i++) {
		arr[i] = a[i] ^ b[i];
	}
	return arr;
}
function normDST(DST) {
	if (!hashes_utils_isBytes(DST) && typeof DST !== 'string')
		throw new Error('DST must be Uint8Array or ascii string');
	return typeof DST === 'string' ? utils_asciiToBytes(DST) : DST;
}
function expand_message_xmd(msg, DST, lenInBytes, H) {
	hashes_utils_abytes(msg);
	utils_asafenumber(lenInBytes);
	DST = normDST(DST);
	if (DST.length > 255)
		DST = H(hashes_utils_concatBytes(utils_asciiToBytes('H2C-OVERSIZE-DST-'), DST));
	const { outputLen: b_in_bytes, blockLen: r_in_bytes } = H;
	const ell = Math.ceil(lenInBytes / b_in_bytes);
	if (lenInBytes > 65535 || ell > 255)
		throw new Error('expand_message_xmd: invalid lenInBytes');
	const DST_prime = hashes_utils_concatBytes(DST, i2osp(DST.length, 1));
	const Z_pad = i2osp(0, r_in_bytes);
	const l_i_b_str = i2osp(lenInBytes, 2);
	const b = new Array(ell);
	const b_0 = H(hashes_utils_concatBytes(Z_pad, msg, l_i_b_str, i2osp(0, 1), DST_prime));
	b[0] = H(hashes_utils_concatBytes(b_0, i2osp(1, 1), DST_prime));
	for (let i = 1; i <= ell; i++) {
		const args = [strxor(b_0, b[i - 1]), i2osp(i + 1, 1), DST_prime];
		b[i] = H(hashes_utils_concatBytes(...args));
	}
	const pseudo_random_bytes = hashes_utils_concatBytes(...b);
	return pseudo_random_bytes.slice(0, lenInBytes);
}
function expand_message_xof(msg, DST, lenInBytes, k, H) {
	abytes(msg);
	asafenumber(lenInBytes);
	DST = normDST(DST);
	if (DST.length > 255) {
		const dkLen = Math.ceil((2 * k) / 8);
		DST = H.create({ dkLen }).update(asciiToBytes('H2C-OVERSIZE-DST-')).update(DST).digest();
	}
	if (lenInBytes > 65535 || DST.length > 255)
		throw new Error('expand_message_xof: invalid lenInBytes');
	return (H.create({ dkLen: lenInBytes })
		.update(msg)
		.update(i2osp(lenInBytes, 2))
		.update(DST)
		.update(i2osp(DST.length, 1))
		.digest());
}
function hash_to_field(msg, count, options) {
	validateObject(options, {
		p: 'bigint',
		m: 'number',
		k: 'number',
		hash: 'function',
	});
	const { p, k, m, hash, expand, DST } = options;
	asafenumber(hash.outputLen, 'valid hash');
	abytes(msg);
	asafenumber(count);
	const log2p = p.toString(2).length;
	const L = Math.ceil((log2p + k) / 8);
	const len_in_bytes = count * m * L;
	let prb;
	if (expand === 'xmd') {
		prb = expand_message_xmd(msg, DST, len_in_bytes, hash);
	}
	else if (expand === 'xof') {
		prb = expand_message_xof(msg, DST, len_in_bytes, k, hash);
	}
	else if (expand === '_internal_pass') {
		prb = msg;
	}
	else {
		throw new Error('expand must be "xmd" or "xof"');
	}
	const u = new Array(count);
	for (let i = 0; i < count; i++) {
		const e = new Array(m);
		for (let j = 0; j < m; j++) {
			const elm_offset = L * (j + i * m);
			const tv = prb.subarray(elm_offset, elm_offset + L);
			e[j] = mod(os2ip(tv), p);
		}
		u[i] = e;
	}
	return u;
}
function isogenyMap(field, map) {
	const coeff = map.map((i) => Array.from(i).reverse());
	return (x, y) => {
		const [xn, xd, yn, yd] = coeff.map((val) => val.reduce((acc, i) => field.add(field.mul(acc, x), i)));
		const [xd_inv, yd_inv] = FpInvertBatch(field, [xd, yd], true);
		x = field.mul(xn, xd_inv);
		y = field.mul(y, field.mul(yn, yd_inv));
		return { x, y };
	};
}
const _DST_scalar = utils_asciiToBytes('HashToScalar-');
function hash_to_curve_createHasher(Point, mapToCurve, defaults) {
	if (typeof mapToCurve !== 'function')
		throw new Error('mapToCurve() must be defined');
	function map(num) {
		return Point.fromAffine(mapToCurve(num));
	}
	function clear(initial) {
		const P = initial.clearCofactor();
		if (P.equals(Point.ZERO))
			return Point.ZERO;
		P.assertValidity();
		return P;
	}
	return {
		defaults: Object.freeze(defaults),
		Point,
		hashToCurve(msg, options) {
			const opts = Object.assign({}, defaults, options);
			const u = hash_to_field(msg, 2, opts);
			const u0 = map(u[0]);
			const u1 = map(u[1]);
			return clear(u0.add(u1));
		},
		encodeToCurve(msg, options) {
			const optsDst = defaults.encodeDST ? { DST: defaults.encodeDST } : {};
			const opts = Object.assign({}, defaults, optsDst, options);
			const u = hash_to_field(msg, 1, opts);
			const u0 = map(u[0]);
			return clear(u0);
		},
		mapToCurve(scalars) {
			if (defaults.m === 1) {
				if (typeof scalars !== 'bigint')
					throw new Error('expected bigint (m=1)');
				return clear(map([scalars]));
			}
			if (!Array.isArray(scalars))
				throw new Error('expected array of bigints');
			for (const i of scalars)
				if (typeof i !== 'bigint')
					throw new Error('expected array of bigints');
			return clear(map(scalars));
		},
		hashToScalar(msg, options) {
			const N = Point.Fn.ORDER;
			const opts = Object.assign({}, defaults, { p: N, m: 1, DST: _DST_scalar }, options);
			return hash_to_field(msg, 1, opts)[0][0];
		},
	};
}
;
const montgomery_0n = BigInt(0);
const montgomery_1n = BigInt(1);
const montgomery_2n = BigInt(2);
function validateOpts(curve) {
	curves_utils_validateObject(curve, {
		adjustScalarBytes: 'function',
		powPminus2: 'function',
	});
	return Object.freeze({ ...curve });
}
function montgomery(curveDef) {
	const CURVE = validateOpts(curveDef);
	const { P, type, adjustScalarBytes, powPminus2, randomBytes: rand } = CURVE;
	const is25519 = type === 'x25519';
	if (!is25519 && type !== 'x448')
		throw new Error('invalid type');
	const randomBytes_ = rand || hashes_utils_randomBytes;
	const montgomeryBits = is25519 ? 255 : 448;
	const fieldLen = is25519 ? 32 : 56;
	const Gu = is25519 ? BigInt(9) : BigInt(5);
	const a24 = is25519 ? BigInt(121665) : BigInt(39081);
	const minScalar = is25519 ? montgomery_2n ** BigInt(254) : montgomery_2n ** BigInt(447);
	const maxAdded = is25519
		? BigInt(8) * montgomery_2n ** BigInt(251) - montgomery_1n
		: BigInt(4) * montgomery_2n ** BigInt(445) - montgomery_1n;
	const maxScalar = minScalar + maxAdded + montgomery_1n;
	const modP = (n) => modular_mod(n, P);
	const GuBytes = encodeU(Gu);
	function encodeU(u) {
		return numberToBytesLE(modP(u), fieldLen);
	}
	function decodeU(u) {
		const _u = curves_utils_copyBytes(hashes_utils_abytes(u, fieldLen, 'uCoordinate'));
		if (is25519)
			_u[31] &= 127;
		return modP(bytesToNumberLE(_u));
	}
	function decodeScalar(scalar) {
		return bytesToNumberLE(adjustScalarBytes(curves_utils_copyBytes(hashes_utils_abytes(scalar, fieldLen, 'scalar'))));
	}
	function scalarMult(scalar, u) {
		const pu = montgomeryLadder(decodeU(u), decodeScalar(scalar));
		if (pu === montgomery_0n)
			throw new Error('invalid private or public key received');
		return encodeU(pu);
	}
	function scalarMultBase(scalar) {
		return scalarMult(scalar, GuBytes);
	}
	const getPublicKey = scalarMultBase;
	const getSharedSecret = scalarMult;
	function cswap(swap, x_2, x_3) {
		const dummy = modP(swap * (x_2 - x_3));
		x_2 = modP(x_2 - dummy);
		x_3 = modP(x_3 + dummy);
		return { x_2, x_3 };
	}
	function montgomeryLadder(u, scalar) {
		aInRange('u', u, montgomery_0n, P);
		aInRange('scalar', scalar, minScalar, maxScalar);
		const k = scalar;
		const x_1 = u;
		let x_2 = montgomery_1n;
		let z_2 = montgomery_0n;
		let x_3 = u;
		let z_3 = montgomery_1n;
		let swap = montgomery_0n;
		for (let t = BigInt(montgomeryBits - 1); t >= montgomery_0n; t--) {
			const k_t = (k >> t) & montgomery_1n;
			swap ^= k_t;
			({ x_2, x_3 } = cswap(swap, x_2, x_3));
			({ x_2: z_2, x_3: z_3 } = cswap(swap, z_2, z_3));
			swap = k_t;
			const A = x_2 + z_2;
			const AA = modP(A * A);
			const B = x_2 - z_2;
			const BB = modP(B * B);
			const E = AA - BB;
			const C = x_3 + z_3;
			const D = x_3 - z_3;
			const DA = modP(D * A);
			const CB = modP(C * B);
			const dacb = DA + CB;
			const da_cb = DA - CB;
			x_3 = modP(dacb * dacb);
			z_3 = modP(x_1 * modP(da_cb * da_cb));
			x_2 = modP(AA * BB);
			z_2 = modP(E * (AA + modP(a24 * E)));
		}
		({ x_2, x_3 } = cswap(swap, x_2, x_3));
		({ x_2: z_2, x_3: z_3 } = cswap(swap, z_2, z_3));
		const z2 = powPminus2(z_2);
		return modP(x_2 * z2);
	}
	const lengths = {
		secretKey: fieldLen,
		publicKey: fieldLen,
		seed: fieldLen,
	};
	const randomSecretKey = (seed = randomBytes_(fieldLen)) => {
		hashes_utils_abytes(seed, lengths.seed, 'seed');
		return seed;
	};
	const utils = { randomSecretKey };
	return Object.freeze({
		keygen: createKeygen(randomSecretKey, getPublicKey),
		getSharedSecret,
		getPublicKey,
		scalarMult,
		scalarMultBase,
		utils,
		GuBytes: GuBytes.slice(),
		lengths,
	});
}
;
const ed25519_0n =   BigInt(0), ed25519_1n = BigInt(1), ed25519_2n = BigInt(2), ed25519_3n =   BigInt(3);
const ed25519_5n = BigInt(5), ed25519_8n = BigInt(8);
const ed25519_CURVE_p = BigInt('0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed');
const ed25519_CURVE =   (() => ({
	p: ed25519_CURVE_p,
	n: BigInt('0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed'),
	h: ed25519_8n,
	a: BigInt('0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec'),
	d: BigInt('0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3'),
	Gx: BigInt('0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a'),
	Gy: BigInt('0x6666666666666666666666666666666666666666666666666666666666666658'),
}))();
function ed25519_pow_2_252_3(x) {
	const _10n = BigInt(10), _20n = BigInt(20), _40n = BigInt(40), _80n = BigInt(80);
	const P = ed25519_CURVE_p;
	const x2 = (x * x) % P;
	const b2 = (x2 * x) % P;
	const b4 = (pow2(b2, ed25519_2n, P) * b2) % P;
	const b5 = (pow2(b4, ed25519_1n, P) * x) % P;
	const b10 = (pow2(b5, ed25519_5n, P) * b5) % P;
	const b20 = (pow2(b10, _10n, P) * b10) % P;
	const b40 = (pow2(b20, _20n, P) * b20) % P;
	const b80 = (pow2(b40, _40n, P) * b40) % P;
	const b160 = (pow2(b80, _80n, P) * b80) % P;
	const b240 = (pow2(b160, _80n, P) * b80) % P;
	const b250 = (pow2(b240, _10n, P) * b10) % P;
	const pow_p_5_8 = (pow2(b250, ed25519_2n, P) * x) % P;
	return { pow_p_5_8, b2 };
}
function adjustScalarBytes(bytes) {
	bytes[0] &= 248;
	bytes[31] &= 127;
	bytes[31] |= 64;
	return bytes;
}
const ED25519_SQRT_M1 =   BigInt('19681161376707505956807079304988542015446066515923890162744021073123829784752');
function uvRatio(u, v) {
	const P = ed25519_CURVE_p;
	const v3 = modular_mod(v * v * v, P);
	const v7 = modular_mod(v3 * v3 * v, P);
	const pow = ed25519_pow_2_252_3(u * v7).pow_p_5_8;
	let x = modular_mod(u * v3 * pow, P);
	const vx2 = modular_mod(v * x * x, P);
	const root1 = x;
	const root2 = modular_mod(x * ED25519_SQRT_M1, P);
	const useRoot1 = vx2 === u;
	const useRoot2 = vx2 === modular_mod(-u, P);
	const noRoot = vx2 === modular_mod(-u * ED25519_SQRT_M1, P);
	if (useRoot1)
		x = root1;
	if (useRoot2 || noRoot)
		x = root2;
	if (isNegativeLE(x, P))
		x = modular_mod(-x, P);
	return { isValid: useRoot1 || useRoot2, value: x };
}
const ed25519_Point =   edwards(ed25519_CURVE, { uvRatio });
const Fp =   (() => ed25519_Point.Fp)();
const Fn =   (() => ed25519_Point.Fn)();
function ed25519_domain(data, ctx, phflag) {
	if (ctx.length > 255)
		throw new Error('Context is too big');
	return hashes_utils_concatBytes(utils_asciiToBytes('SigEd25519 no Ed25519 collisions'), new Uint8Array([phflag ? 1 : 0, ctx.length]), ctx, data);
}
function ed(opts) {
	return eddsa(ed25519_Point, hashes_sha2_sha512, Object.assign({ adjustScalarBytes }, opts));
}
const ed25519 =   ed({});
const ed25519ctx =   ed({ domain: ed25519_domain });
const ed25519ph =   ed({ domain: ed25519_domain, prehash: hashes_sha2_sha512 });
const x25519 =   (() => {
	const P = ed25519_CURVE_p;
	return montgomery({
		P,
		type: 'x25519',
		powPminus2: (x) => {
			const { pow_p_5_8, b2 } = ed25519_pow_2_252_3(x);
			return modular_mod(pow2(pow_p_5_8, ed25519_3n, P) * b2, P);
		},
		adjustScalarBytes,
	});
})();
const ELL2_C1 =   (  null && ((() => (ed25519_CURVE_p + ed25519_3n) / ed25519_8n)()));
const ELL2_C2 =   (  null && ((() => Fp.pow(ed25519_2n, ELL2_C1))()));
const ELL2_C3 =   (  null && ((() => Fp.sqrt(Fp.neg(Fp.ONE)))()));
function _map_to_curve_elligator2_curve25519(u) {
	const ELL2_C4 = (ed25519_CURVE_p - ed25519_5n) / ed25519_8n;
	const ELL2_J = BigInt(486662);
	let tv1 = Fp.sqr(u);
	tv1 = Fp.mul(tv1, ed25519_2n);
	let xd = Fp.add(tv1, Fp.ONE);
	let x1n = Fp.neg(ELL2_J);
	let tv2 = Fp.sqr(xd);
	let gxd = Fp.mul(tv2, xd);
	let gx1 = Fp.mul(tv1, ELL2_J);
	gx1 = Fp.mul(gx1, x1n);
	gx1 = Fp.add(gx1, tv2);
	gx1 = Fp.mul(gx1, x1n);
	let tv3 = Fp.sqr(gxd);
	tv2 = Fp.sqr(tv3);
	tv3 = Fp.mul(tv3, gxd);
	tv3 = Fp.mul(tv3, gx1);
	tv2 = Fp.mul(tv2, tv3);
	let y11 = Fp.pow(tv2, ELL2_C4);
	y11 = Fp.mul(y11, tv3);
	let y12 = Fp.mul(y11, ELL2_C3);
	tv2 = Fp.sqr(y11);
	tv2 = Fp.mul(tv2, gxd);
	let e1 = Fp.eql(tv2, gx1);
	let y1 = Fp.cmov(y12, y11, e1);
	let x2n = Fp.mul(x1n, tv1);
	let y21 = Fp.mul(y11, u);
	y21 = Fp.mul(y21, ELL2_C2);
	let y22 = Fp.mul(y21, ELL2_C3);
	let gx2 = Fp.mul(gx1, tv1);
	tv2 = Fp.sqr(y21);
	tv2 = Fp.mul(tv2, gxd);
	let e2 = Fp.eql(tv2, gx2);
	let y2 = Fp.cmov(y22, y21, e2);
	tv2 = Fp.sqr(y1);
	tv2 = Fp.mul(tv2, gxd);
	let e3 = Fp.eql(tv2, gx1);
	let xn = Fp.cmov(x2n, x1n, e3);
	let y = Fp.cmov(y2, y1, e3);
	let e4 = Fp.isOdd(y);
	y = Fp.cmov(y, Fp.neg(y), e3 !== e4);
	return { xMn: xn, xMd: xd, yMn: y, yMd: ed25519_1n };
}
const ELL2_C1_EDWARDS =   (  null && ((() => FpSqrtEven(Fp, Fp.neg(BigInt(486664))))()));
function map_to_curve_elligator2_edwards25519(u) {
	const { xMn, xMd, yMn, yMd } = _map_to_curve_elligator2_curve25519(u);
	let xn = Fp.mul(xMn, yMd);
	xn = Fp.mul(xn, ELL2_C1_EDWARDS);
	let xd = Fp.mul(xMd, yMn);
	let yn = Fp.sub(xMn, xMd);
	let yd = Fp.add(xMn, xMd);
	let tv1 = Fp.mul(xd, yd);
	let e = Fp.eql(tv1, Fp.ZERO);
	xn = Fp.cmov(xn, Fp.ZERO, e);
	xd = Fp.cmov(xd, Fp.ONE, e);
	yn = Fp.cmov(yn, Fp.ONE, e);
	yd = Fp.cmov(yd, Fp.ONE, e);
	const [xd_inv, yd_inv] = FpInvertBatch(Fp, [xd, yd], true);
	return { x: Fp.mul(xn, xd_inv), y: Fp.mul(yn, yd_inv) };
}
const ed25519_hasher =   (  null && ((() => createHasher(ed25519_Point, (scalars) => map_to_curve_elligator2_edwards25519(scalars[0]), {
	DST: 'edwards25519_XMD:SHA-512_ELL2_RO_',
	encodeDST: 'edwards25519_XMD:SHA-512_ELL2_NU_',
	p: ed25519_CURVE_p,
	m: 1,
	k: 128,
	expand: 'xmd',
	hash: sha512,
}))()));
const SQRT_M1 = ED25519_SQRT_M1;
const SQRT_AD_MINUS_ONE =   BigInt('25063068953384623474111414158702152701244531502492656460079210482610430750235');
const INVSQRT_A_MINUS_D =   BigInt('54469307008909316920995813868745141605393597292927456921205312896311721017578');
const ONE_MINUS_D_SQ =   BigInt('1159843021668779879193775521855586647937357759715417654439879720876111806838');
const D_MINUS_ONE_SQ =   BigInt('40440834346308536858101042469323190826248399146238708352240133220865137265952');
const invertSqrt = (number) => uvRatio(ed25519_1n, number);
const MAX_255B =   BigInt('0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
const bytes255ToNumberLE = (bytes) => Fp.create(bytesToNumberLE(bytes) & MAX_255B);
function calcElligatorRistrettoMap(r0) {
	const { d } = ed25519_CURVE;
	const P = ed25519_CURVE_p;
	const mod = (n) => Fp.create(n);
	const r = mod(SQRT_M1 * r0 * r0);
	const Ns = mod((r + ed25519_1n) * ONE_MINUS_D_SQ);
	let c = BigInt(-1);
	const D = mod((c - d * r) * mod(r + d));
	let { isValid: Ns_D_is_sq, value: s } = uvRatio(Ns, D);
	let s_ = mod(s * r0);
	if (!isNegativeLE(s_, P))
		s_ = mod(-s_);
	if (!Ns_D_is_sq)
		s = s_;
	if (!Ns_D_is_sq)
		c = r;
	const Nt = mod(c * (r - ed25519_1n) * D_MINUS_ONE_SQ - D);
	const s2 = s * s;
	const W0 = mod((s + s) * D);
	const W1 = mod(Nt * SQRT_AD_MINUS_ONE);
	const W2 = mod(ed25519_1n - s2);
	const W3 = mod(ed25519_1n + s2);
	return new ed25519_Point(mod(W0 * W3), mod(W2 * W1), mod(W1 * W3), mod(W0 * W2));
}
class _RistrettoPoint extends PrimeEdwardsPoint {
	static BASE =
	  (() => new _RistrettoPoint(ed25519_Point.BASE))();
	static ZERO =
	  (() => new _RistrettoPoint(ed25519_Point.ZERO))();
	static Fp =
	  (() => Fp)();
	static Fn =
	  (() => Fn)();
	constructor(ep) {
		super(ep);
	}
	static fromAffine(ap) {
		return new _RistrettoPoint(ed25519_Point.fromAffine(ap));
	}
	assertSame(other) {
		if (!(other instanceof _RistrettoPoint))
			throw new Error('RistrettoPoint expected');
	}
	init(ep) {
		return new _RistrettoPoint(ep);
	}
	static fromBytes(bytes) {
		hashes_utils_abytes(bytes, 32);
		const { a, d } = ed25519_CURVE;
		const P = ed25519_CURVE_p;
		const mod = (n) => Fp.create(n);
		const s = bytes255ToNumberLE(bytes);
		if (!utils_equalBytes(Fp.toBytes(s), bytes) || isNegativeLE(s, P))
			throw new Error('invalid ristretto255 encoding 1');
		const s2 = mod(s * s);
		const u1 = mod(ed25519_1n + a * s2);
		const u2 = mod(ed25519_1n - a * s2);
		const u1_2 = mod(u1 * u1);
		const u2_2 = mod(u2 * u2);
		const v = mod(a * d * u1_2 - u2_2);
		const { isValid, value: I } = invertSqrt(mod(v * u2_2));
		const Dx = mod(I * u2);
		const Dy = mod(I * Dx * v);
		let x = mod((s + s) * Dx);
		if (isNegativeLE(x, P))
			x = mod(-x);
		const y = mod(u1 * Dy);
		const t = mod(x * y);
		if (!isValid || isNegativeLE(t, P) || y === ed25519_0n)
			throw new Error('invalid ristretto255 encoding 2');
		return new _RistrettoPoint(new ed25519_Point(x, y, ed25519_1n, t));
	}
	static fromHex(hex) {
		return _RistrettoPoint.fromBytes(hashes_utils_hexToBytes(hex));
	}
	toBytes() {
		let { X, Y, Z, T } = this.ep;
		const P = ed25519_CURVE_p;
		const mod = (n) => Fp.create(n);
		const u1 = mod(mod(Z + Y) * mod(Z - Y));
		const u2 = mod(X * Y);
		const u2sq = mod(u2 * u2);
		const { value: invsqrt } = invertSqrt(mod(u1 * u2sq));
		const D1 = mod(invsqrt * u1);
		const D2 = mod(invsqrt * u2);
		const zInv = mod(D1 * D2 * T);
		let D;
		if (isNegativeLE(T * zInv, P)) {
			let _x = mod(Y * SQRT_M1);
			let _y = mod(X * SQRT_M1);
			X = _x;
			Y = _y;
			D = mod(D1 * INVSQRT_A_MINUS_D);
		}
		else {
			D = D2;
		}
		if (isNegativeLE(X * zInv, P))
			Y = mod(-Y);
		let s = mod((Z - Y) * D);
		if (isNegativeLE(s, P))
			s = mod(-s);
		return Fp.toBytes(s);
	}
	equals(other) {
		this.assertSame(other);
		const { X: X1, Y: Y1 } = this.ep;
		const { X: X2, Y: Y2 } = other.ep;
		const mod = (n) => Fp.create(n);
		const one = mod(X1 * Y2) === mod(Y1 * X2);
		const two = mod(Y1 * Y2) === mod(X1 * X2);
		return one || two;
	}
	is0() {
		return this.equals(_RistrettoPoint.ZERO);
	}
}
const ristretto255 = { Point: _RistrettoPoint };
const ristretto255_hasher = {
	Point: _RistrettoPoint,
	hashToCurve(msg, options) {
		const DST = options?.DST || 'ristretto255_XMD:SHA-512_R255MAP_RO_';
		const xmd = expand_message_xmd(msg, DST, 64, hashes_sha2_sha512);
		return ristretto255_hasher.deriveToCurve(xmd);
	},
	hashToScalar(msg, options = { DST: _DST_scalar }) {
		const xmd = expand_message_xmd(msg, options.DST, 64, hashes_sha2_sha512);
		return Fn.create(bytesToNumberLE(xmd));
	},
	deriveToCurve(bytes) {
		hashes_utils_abytes(bytes, 64);
		const r1 = bytes255ToNumberLE(bytes.subarray(0, 32));
		const R1 = calcElligatorRistrettoMap(r1);
		const r2 = bytes255ToNumberLE(bytes.subarray(32, 64));
		const R2 = calcElligatorRistrettoMap(r2);
		return new _RistrettoPoint(R1.add(R2));
	},
};
const ristretto255_oprf =   (  null && ((() => createORPF({
	name: 'ristretto255-SHA512',
	Point: _RistrettoPoint,
	hash: sha512,
	hashToGroup: ristretto255_hasher.hashToCurve,
	hashToScalar: ristretto255_hasher.hashToScalar,
}))()));
const ED25519_TORSION_SUBGROUP = (  null && ([
	'0100000000000000000000000000000000000000000000000000000000000000',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
	'0000000000000000000000000000000000000000000000000000000000000080',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
	'0000000000000000000000000000000000000000000000000000000000000000',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
]));
;
class hmac_HMAC {
	oHash;
	iHash;
	blockLen;
	outputLen;
	finished = false;
	destroyed = false;
	constructor(hash, key) {
		utils_ahash(hash);
		hashes_utils_abytes(key, undefined, 'key');
		this.iHash = hash.create();
		if (typeof this.iHash.update !== 'function')
			throw new Error('Expected instance of class which extends utils.Hash');
		this.blockLen = this.iHash.blockLen;
		this.outputLen = this.iHash.outputLen;
		const blockLen = this.blockLen;
		const pad = new Uint8Array(blockLen);
		pad.set(key.length > blockLen ? hash.create().update(key).digest() : key);
		for (let i = 0; i < pad.length; i++)
			pad[i] ^= 0x36;
		this.iHash.update(pad);
		this.oHash = hash.create();
		for (let i = 0; i < pad.length; i++)
			pad[i] ^= 0x36 ^ 0x5c;
		this.oHash.update(pad);
		hashes_utils_clean(pad);
	}
	update(buf) {
		hashes_utils_aexists(this);
		this.iHash.update(buf);
		return this;
	}
	digestInto(out) {
		hashes_utils_aexists(this);
		hashes_utils_abytes(out, this.outputLen, 'output');
		this.finished = true;
		this.iHash.digestInto(out);
		this.oHash.update(out);
		this.oHash.digestInto(out);
		this.destroy();
	}
	digest() {
		const out = new Uint8Array(this.oHash.outputLen);
		this.digestInto(out);
		return out;
	}
	_cloneInto(to) {
		to ||= Object.create(Object.getPrototypeOf(this), {});
		const { oHash, iHash, finished, destroyed, blockLen, outputLen } = this;
		to = to;
		to.finished = finished;
		to.destroyed = destroyed;
		to.blockLen = blockLen;
		to.outputLen = outputLen;
		to.oHash = oHash._cloneInto(to.oHash);
		to.iHash = iHash._cloneInto(to.iHash);
		return to;
	}
	clone() {
		return this._cloneInto();
	}
	destroy() {
		this.destroyed = true;
		this.oHash.destroy();
		this.iHash.destroy();
	}
}
const hashes_hmac_hmac = (hash, key, message) => new hmac_HMAC(hash, key).update(message).digest();
hashes_hmac_hmac.create = (hash, key) => new hmac_HMAC(hash, key);
;
const divNearest = (num, den) => (num + (num >= 0 ? den : -den) / weierstrass_2n) / den;
function _splitEndoScalar(k, basis, n) {
	const [[a1, b1], [a2, b2]] = basis;
	const c1 = divNearest(b2 * k, n);
	const c2 = divNearest(-b1 * k, n);
	let k1 = k - c1 * a1 - c2 * a2;
	let k2 = -c1 * b1 - c2 * b2;
	const k1neg = k1 < weierstrass_0n;
	const k2neg = k2 < weierstrass_0n;
	if (k1neg)
		k1 = -k1;
	if (k2neg)
		k2 = -k2;
	const MAX_NUM = utils_bitMask(Math.ceil(utils_bitLen(n) / 2)) + weierstrass_1n;
	if (k1 < weierstrass_0n || k1 >= MAX_NUM || k2 < weierstrass_0n || k2 >= MAX_NUM) {
		throw new Error('splitScalar (endomorphism): failed, k=' + k);
	}
	return { k1neg, k1, k2neg, k2 };
}
function validateSigFormat(format) {
	if (!['compact', 'recovered', 'der'].includes(format))
		throw new Error('Signature format must be "compact", "recovered", or "der"');
	return format;
}
function validateSigOpts(opts, def) {
	const optsn = {};
	for (let optName of Object.keys(def)) {
		optsn[optName] = opts[optName] === undefined ? def[optName] : opts[optName];
	}
	curves_utils_abool(optsn.lowS, 'lowS');
	curves_utils_abool(optsn.prehash, 'prehash');
	if (optsn.format !== undefined)
		validateSigFormat(optsn.format);
	return optsn;
}
class DERErr extends Error {
	constructor(m = '') {
		super(m);
	}
}
const DER = {
	Err: DERErr,
	_tlv: {
		encode: (tag, data) => {
			const { Err: E } = DER;
			if (tag < 0 || tag > 256)
				throw new E('tlv.encode: wrong tag');
			if (data.length & 1)
				throw new E('tlv.encode: unpadded data');
			const dataLen = data.length / 2;
			const len = numberToHexUnpadded(dataLen);
			if ((len.length / 2) & 0b1000_0000)
				throw new E('tlv.encode: long form length too big');
			const lenLen = dataLen > 127 ? numberToHexUnpadded((len.length / 2) | 0b1000_0000) : '';
			const t = numberToHexUnpadded(tag);
			return t + lenLen + len + data;
		},
		decode(tag, data) {
			const { Err: E } = DER;
			let pos = 0;
			if (tag < 0 || tag > 256)
				throw new E('tlv.encode: wrong tag');
			if (data.length < 2 || data[pos++] !== tag)
				throw new E('tlv.decode: wrong tlv');
			const first = data[pos++];
			const isLong = !!(first & 0b1000_0000);
			let length = 0;
			if (!isLong)
				length = first;
			else {
				const lenLen = first & 0b0111_1111;
				if (!lenLen)
					throw new E('tlv.decode(long): indefinite length not supported');
				if (lenLen > 4)
					throw new E('tlv.decode(long): byte length is too big');
				const lengthBytes = data.subarray(pos, pos + lenLen);
				if (lengthBytes.length !== lenLen)
					throw new E('tlv.decode: length bytes not complete');
				if (lengthBytes[0] === 0)
					throw new E('tlv.decode(long): zero leftmost byte');
				for (const b of lengthBytes)
					length = (length << 8) | b;
				pos += lenLen;
				if (length < 128)
					throw new E('tlv.decode(long): not minimal encoding');
			}
			const v = data.subarray(pos, pos + length);
			if (v.length !== length)
				throw new E('tlv.decode: wrong value length');
			return { v, l: data.subarray(pos + length) };
		},
	},
	_int: {
		encode(num) {
			const { Err: E } = DER;
			if (num < weierstrass_0n)
				throw new E('integer: negative integers are not allowed');
			let hex = numberToHexUnpadded(num);
			if (Number.parseInt(hex[0], 16) & 0b1000)
				hex = '00' + hex;
			if (hex.length & 1)
				throw new E('unexpected DER parsing assertion: unpadded hex');
			return hex;
		},
		decode(data) {
			const { Err: E } = DER;
			if (data[0] & 0b1000_0000)
				throw new E('invalid signature integer: negative');
			if (data[0] === 0x00 && !(data[1] & 0b1000_0000))
				throw new E('invalid signature integer: unnecessary leading zero');
			return curves_utils_bytesToNumberBE(data);
		},
	},
	toSig(bytes) {
		const { Err: E, _int: int, _tlv: tlv } = DER;
		const data = hashes_utils_abytes(bytes, undefined, 'signature');
		const { v: seqBytes, l: seqLeftBytes } = tlv.decode(0x30, data);
		if (seqLeftBytes.length)
			throw new E('invalid signature: left bytes after parsing');
		const { v: rBytes, l: rLeftBytes } = tlv.decode(0x02, seqBytes);
		const { v: sBytes, l: sLeftBytes } = tlv.decode(0x02, rLeftBytes);
		if (sLeftBytes.length)
			throw new E('invalid signature: left bytes after parsing');
		return { r: int.decode(rBytes), s: int.decode(sBytes) };
	},
	hexFromSig(sig) {
		const { _tlv: tlv, _int: int } = DER;
		const rs = tlv.encode(0x02, int.encode(sig.r));
		const ss = tlv.encode(0x02, int.encode(sig.s));
		const seq = rs + ss;
		return tlv.encode(0x30, seq);
	},
};
const weierstrass_0n = BigInt(0), weierstrass_1n = BigInt(1), weierstrass_2n = BigInt(2), weierstrass_3n = BigInt(3), weierstrass_4n = BigInt(4);
function weierstrass_weierstrass(params, extraOpts = {}) {
	const validated = createCurveFields('weierstrass', params, extraOpts);
	const { Fp, Fn } = validated;
	let CURVE = validated.CURVE;
	const { h: cofactor, n: CURVE_ORDER } = CURVE;
	curves_utils_validateObject(extraOpts, {}, {
		allowInfinityPoint: 'boolean',
		clearCofactor: 'function',
		isTorsionFree: 'function',
		fromBytes: 'function',
		toBytes: 'function',
		endo: 'object',
	});
	const { endo } = extraOpts;
	if (endo) {
		if (!Fp.is0(CURVE.a) || typeof endo.beta !== 'bigint' || !Array.isArray(endo.basises)) {
			throw new Error('invalid endo: expected "beta": bigint and "basises": array');
		}
	}
	const lengths = getWLengths(Fp, Fn);
	function assertCompressionIsSupported() {
		if (!Fp.isOdd)
			throw new Error('compression is not supported: Field does not have .isOdd()');
	}
	function pointToBytes(_c, point, isCompressed) {
		const { x, y } = point.toAffine();
		const bx = Fp.toBytes(x);
		curves_utils_abool(isCompressed, 'isCompressed');
		if (isCompressed) {
			assertCompressionIsSupported();
			const hasEvenY = !Fp.isOdd(y);
			return hashes_utils_concatBytes(pprefix(hasEvenY), bx);
		}
		else {
			return hashes_utils_concatBytes(Uint8Array.of(0x04), bx, Fp.toBytes(y));
		}
	}
	function pointFromBytes(bytes) {
		hashes_utils_abytes(bytes, undefined, 'Point');
		const { publicKey: comp, publicKeyUncompressed: uncomp } = lengths;
		const length = bytes.length;
		const head = bytes[0];
		const tail = bytes.subarray(1);
		if (length === comp && (head === 0x02 || head === 0x03)) {
			const x = Fp.fromBytes(tail);
			if (!Fp.isValid(x))
				throw new Error('bad point: is not on curve, wrong x');
			const y2 = weierstrassEquation(x);
			let y;
			try {
				y = Fp.sqrt(y2);
			}
			catch (sqrtError) {
				const err = sqrtError instanceof Error ? ': ' + sqrtError.message : '';
				throw new Error('bad point: is not on curve, sqrt error' + err);
			}
			assertCompressionIsSupported();
			const evenY = Fp.isOdd(y);
			const evenH = (head & 1) === 1;
			if (evenH !== evenY)
				y = Fp.neg(y);
			return { x, y };
		}
		else if (length === uncomp && head === 0x04) {
			const L = Fp.BYTES;
			const x = Fp.fromBytes(tail.subarray(0, L));
			const y = Fp.fromBytes(tail.subarray(L, L * 2));
			if (!isValidXY(x, y))
				throw new Error('bad point: is not on curve');
			return { x, y };
		}
		else {
			throw new Error(`bad point: got length ${length}, expected compressed=${comp} or uncompressed=${uncomp}`);
		}
	}
	const encodePoint = extraOpts.toBytes || pointToBytes;
	const decodePoint = extraOpts.fromBytes || pointFromBytes;
	function weierstrassEquation(x) {
		const x2 = Fp.sqr(x);
		const x3 = Fp.mul(x2, x);
		return Fp.add(Fp.add(x3, Fp.mul(x, CURVE.a)), CURVE.b);
	}
	function isValidXY(x, y) {
		const left = Fp.sqr(y);
		const right = weierstrassEquation(x);
		return Fp.eql(left, right);
	}
	if (!isValidXY(CURVE.Gx, CURVE.Gy))
		throw new Error('bad curve params: generator point');
	const _4a3 = Fp.mul(Fp.pow(CURVE.a, weierstrass_3n), weierstrass_4n);
	const _27b2 = Fp.mul(Fp.sqr(CURVE.b), BigInt(27));
	if (Fp.is0(Fp.add(_4a3, _27b2)))
		throw new Error('bad curve params: a or b');
	function acoord(title, n, banZero = false) {
		if (!Fp.isValid(n) || (banZero && Fp.is0(n)))
			throw new Error(`bad point coordinate ${title}`);
		return n;
	}
	function aprjpoint(other) {
		if (!(other instanceof Point))
			throw new Error('Weierstrass Point expected');
	}
	function splitEndoScalarN(k) {
		if (!endo || !endo.basises)
			throw new Error('no endo');
		return _splitEndoScalar(k, endo.basises, Fn.ORDER);
	}
	const toAffineMemo = memoized((p, iz) => {
		const { X, Y, Z } = p;
		if (Fp.eql(Z, Fp.ONE))
			return { x: X, y: Y };
		const is0 = p.is0();
		if (iz == null)
			iz = is0 ? Fp.ONE : Fp.inv(Z);
		const x = Fp.mul(X, iz);
		const y = Fp.mul(Y, iz);
		const zz = Fp.mul(Z, iz);
		if (is0)
			return { x: Fp.ZERO, y: Fp.ZERO };
		if (!Fp.eql(zz, Fp.ONE))
			throw new Error('invZ was invalid');
		return { x, y };
	});
	const assertValidMemo = memoized((p) => {
		if (p.is0()) {
			if (extraOpts.allowInfinityPoint && !Fp.is0(p.Y))
				return;
			throw new Error('bad point: ZERO');
		}
		const { x, y } = p.toAffine();
		if (!Fp.isValid(x) || !Fp.isValid(y))
			throw new Error('bad point: x or y not field elements');
		if (!isValidXY(x, y))
			throw new Error('bad point: equation left != right');
		if (!p.isTorsionFree())
			throw new Error('bad point: not in prime-order subgroup');
		return true;
	});
	function finishEndo(endoBeta, k1p, k2p, k1neg, k2neg) {
		k2p = new Point(Fp.mul(k2p.X, endoBeta), k2p.Y, k2p.Z);
		k1p = negateCt(k1neg, k1p);
		k2p = negateCt(k2neg, k2p);
		return k1p.add(k2p);
	}
	class Point {
		static BASE = new Point(CURVE.Gx, CURVE.Gy, Fp.ONE);
		static ZERO = new Point(Fp.ZERO, Fp.ONE, Fp.ZERO);
		static Fp = Fp;
		static Fn = Fn;
		X;
		Y;
		Z;
		constructor(X, Y, Z) {
			this.X = acoord('x', X);
			this.Y = acoord('y', Y, true);
			this.Z = acoord('z', Z);
			Object.freeze(this);
		}
		static CURVE() {
			return CURVE;
		}
		static fromAffine(p) {
			const { x, y } = p || {};
			if (!p || !Fp.isValid(x) || !Fp.isValid(y))
				throw new Error('invalid affine point');
			if (p instanceof Point)
				throw new Error('projective point not allowed');
			if (Fp.is0(x) && Fp.is0(y))
				return Point.ZERO;
			return new Point(x, y, Fp.ONE);
		}
		static fromBytes(bytes) {
			const P = Point.fromAffine(decodePoint(hashes_utils_abytes(bytes, undefined, 'point')));
			P.assertValidity();
			return P;
		}
		static fromHex(hex) {
			return Point.fromBytes(hashes_utils_hexToBytes(hex));
		}
		get x() {
			return this.toAffine().x;
		}
		get y() {
			return this.toAffine().y;
		}
		precompute(windowSize = 8, isLazy = true) {
			wnaf.createCache(this, windowSize);
			if (!isLazy)
				this.multiply(weierstrass_3n);
			return this;
		}
		assertValidity() {
			assertValidMemo(this);
		}
		hasEvenY() {
			const { y } = this.toAffine();
			if (!Fp.isOdd)
				throw new Error("Field doesn't support isOdd");
			return !Fp.isOdd(y);
		}
		equals(other) {
			aprjpoint(other);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const { X: X2, Y: Y2, Z: Z2 } = other;
			const U1 = Fp.eql(Fp.mul(X1, Z2), Fp.mul(X2, Z1));
			const U2 = Fp.eql(Fp.mul(Y1, Z2), Fp.mul(Y2, Z1));
			return U1 && U2;
		}
		negate() {
			return new Point(this.X, Fp.neg(this.Y), this.Z);
		}
		double() {
			const { a, b } = CURVE;
			const b3 = Fp.mul(b, weierstrass_3n);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			let X3 = Fp.ZERO, Y3 = Fp.ZERO, Z3 = Fp.ZERO;
			let t0 = Fp.mul(X1, X1);
			let t1 = Fp.mul(Y1, Y1);
			let t2 = Fp.mul(Z1, Z1);
			let t3 = Fp.mul(X1, Y1);
			t3 = Fp.add(t3, t3);
			Z3 = Fp.mul(X1, Z1);
			Z3 = Fp.add(Z3, Z3);
			X3 = Fp.mul(a, Z3);
			Y3 = Fp.mul(b3, t2);
			Y3 = Fp.add(X3, Y3);
			X3 = Fp.sub(t1, Y3);
			Y3 = Fp.add(t1, Y3);
			Y3 = Fp.mul(X3, Y3);
			X3 = Fp.mul(t3, X3);
			Z3 = Fp.mul(b3, Z3);
			t2 = Fp.mul(a, t2);
			t3 = Fp.sub(t0, t2);
			t3 = Fp.mul(a, t3);
			t3 = Fp.add(t3, Z3);
			Z3 = Fp.add(t0, t0);
			t0 = Fp.add(Z3, t0);
			t0 = Fp.add(t0, t2);
			t0 = Fp.mul(t0, t3);
			Y3 = Fp.add(Y3, t0);
			t2 = Fp.mul(Y1, Z1);
			t2 = Fp.add(t2, t2);
			t0 = Fp.mul(t2, t3);
			X3 = Fp.sub(X3, t0);
			Z3 = Fp.mul(t2, t1);
			Z3 = Fp.add(Z3, Z3);
			Z3 = Fp.add(Z3, Z3);
			return new Point(X3, Y3, Z3);
		}
		add(other) {
			aprjpoint(other);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const { X: X2, Y: Y2, Z: Z2 } = other;
			let X3 = Fp.ZERO, Y3 = Fp.ZERO, Z3 = Fp.ZERO;
			const a = CURVE.a;
			const b3 = Fp.mul(CURVE.b, weierstrass_3n);
			let t0 = Fp.mul(X1, X2);
			let t1 = Fp.mul(Y1, Y2);
			let t2 = Fp.mul(Z1, Z2);
			let t3 = Fp.add(X1, Y1);
			let t4 = Fp.add(X2, Y2);
			t3 = Fp.mul(t3, t4);
			t4 = Fp.add(t0, t1);
			t3 = Fp.sub(t3, t4);
			t4 = Fp.add(X1, Z1);
			let t5 = Fp.add(X2, Z2);
			t4 = Fp.mul(t4, t5);
			t5 = Fp.add(t0, t2);
			t4 = Fp.sub(t4, t5);
			t5 = Fp.add(Y1, Z1);
			X3 = Fp.add(Y2, Z2);
			t5 = Fp.mul(t5, X3);
			X3 = Fp.add(t1, t2);
			t5 = Fp.sub(t5, X3);
			Z3 = Fp.mul(a, t4);
			X3 = Fp.mul(b3, t2);
			Z3 = Fp.add(X3, Z3);
			X3 = Fp.sub(t1, Z3);
			Z3 = Fp.add(t1, Z3);
			Y3 = Fp.mul(X3, Z3);
			t1 = Fp.add(t0, t0);
			t1 = Fp.add(t1, t0);
			t2 = Fp.mul(a, t2);
			t4 = Fp.mul(b3, t4);
			t1 = Fp.add(t1, t2);
			t2 = Fp.sub(t0, t2);
			t2 = Fp.mul(a, t2);
			t4 = Fp.add(t4, t2);
			t0 = Fp.mul(t1, t4);
			Y3 = Fp.add(Y3, t0);
			t0 = Fp.mul(t5, t4);
			X3 = Fp.mul(t3, X3);
			X3 = Fp.sub(X3, t0);
			t0 = Fp.mul(t3, t1);
			Z3 = Fp.mul(t5, Z3);
			Z3 = Fp.add(Z3, t0);
			return new Point(X3, Y3, Z3);
		}
		subtract(other) {
			return this.add(other.negate());
		}
		is0() {
			return this.equals(Point.ZERO);
		}
		multiply(scalar) {
			const { endo } = extraOpts;
			if (!Fn.isValidNot0(scalar))
				throw new Error('invalid scalar: out of range');
			let point, fake;
			const mul = (n) => wnaf.cached(this, n, (p) => normalizeZ(Point, p));
			if (endo) {
				const { k1neg, k1, k2neg, k2 } = splitEndoScalarN(scalar);
				const { p: k1p, f: k1f } = mul(k1);
				const { p: k2p, f: k2f } = mul(k2);
				fake = k1f.add(k2f);
				point = finishEndo(endo.beta, k1p, k2p, k1neg, k2neg);
			}
			else {
				const { p, f } = mul(scalar);
				point = p;
				fake = f;
			}
			return normalizeZ(Point, [point, fake])[0];
		}
		multiplyUnsafe(sc) {
			const { endo } = extraOpts;
			const p = this;
			if (!Fn.isValid(sc))
				throw new Error('invalid scalar: out of range');
			if (sc === weierstrass_0n || p.is0())
				return Point.ZERO;
			if (sc === weierstrass_1n)
				return p;
			if (wnaf.hasCache(this))
				return this.multiply(sc);
			if (endo) {
				const { k1neg, k1, k2neg, k2 } = splitEndoScalarN(sc);
				const { p1, p2 } = mulEndoUnsafe(Point, p, k1, k2);
				return finishEndo(endo.beta, p1, p2, k1neg, k2neg);
			}
			else {
				return wnaf.unsafe(p, sc);
			}
		}
		toAffine(invertedZ) {
			return toAffineMemo(this, invertedZ);
		}
		isTorsionFree() {
			const { isTorsionFree } = extraOpts;
			if (cofactor === weierstrass_1n)
				return true;
			if (isTorsionFree)
				return isTorsionFree(Point, this);
			return wnaf.unsafe(this, CURVE_ORDER).is0();
		}
		clearCofactor() {
			const { clearCofactor } = extraOpts;
			if (cofactor === weierstrass_1n)
				return this;
			if (clearCofactor)
				return clearCofactor(Point, this);
			return this.multiplyUnsafe(cofactor);
		}
		isSmallOrder() {
			return this.multiplyUnsafe(cofactor).is0();
		}
		toBytes(isCompressed = true) {
			curves_utils_abool(isCompressed, 'isCompressed');
			this.assertValidity();
			return encodePoint(Point, this, isCompressed);
		}
		toHex(isCompressed = true) {
			return hashes_utils_bytesToHex(this.toBytes(isCompressed));
		}
		toString() {
			return `<Point ${this.is0() ? 'ZERO' : this.toHex()}>`;
		}
	}
	const bits = Fn.BITS;
	const wnaf = new wNAF(Point, extraOpts.endo ? Math.ceil(bits / 2) : bits);
	Point.BASE.precompute(8);
	return Point;
}
function pprefix(hasEvenY) {
	return Uint8Array.of(hasEvenY ? 0x02 : 0x03);
}
function SWUFpSqrtRatio(Fp, Z) {
	const q = Fp.ORDER;
	let l = weierstrass_0n;
	for (let o = q - weierstrass_1n; o % weierstrass_2n === weierstrass_0n; o /= weierstrass_2n)
		l += weierstrass_1n;
	const c1 = l;
	const _2n_pow_c1_1 = weierstrass_2n << (c1 - weierstrass_1n - weierstrass_1n);
	const _2n_pow_c1 = _2n_pow_c1_1 * weierstrass_2n;
	const c2 = (q - weierstrass_1n) / _2n_pow_c1;
	const c3 = (c2 - weierstrass_1n) / weierstrass_2n;
	const c4 = _2n_pow_c1 - weierstrass_1n;
	const c5 = _2n_pow_c1_1;
	const c6 = Fp.pow(Z, c2);
	const c7 = Fp.pow(Z, (c2 + weierstrass_1n) / weierstrass_2n);
	let sqrtRatio = (u, v) => {
		let tv1 = c6;
		let tv2 = Fp.pow(v, c4);
		let tv3 = Fp.sqr(tv2);
		tv3 = Fp.mul(tv3, v);
		let tv5 = Fp.mul(u, tv3);
		tv5 = Fp.pow(tv5, c3);
		tv5 = Fp.mul(tv5, tv2);
		tv2 = Fp.mul(tv5, v);
		tv3 = Fp.mul(tv5, u);
		let tv4 = Fp.mul(tv3, tv2);
		tv5 = Fp.pow(tv4, c5);
		let isQR = Fp.eql(tv5, Fp.ONE);
		tv2 = Fp.mul(tv3, c7);
		tv5 = Fp.mul(tv4, tv1);
		tv3 = Fp.cmov(tv2, tv3, isQR);
		tv4 = Fp.cmov(tv5, tv4, isQR);
		for (let i = c1; i > weierstrass_1n; i--) {
			let tv5 = i - weierstrass_2n;
			tv5 = weierstrass_2n << (tv5 - weierstrass_1n);
			let tvv5 = Fp.pow(tv4, tv5);
			const e1 = Fp.eql(tvv5, Fp.ONE);
			tv2 = Fp.mul(tv3, tv1);
			tv1 = Fp.mul(tv1, tv1);
			tvv5 = Fp.mul(tv4, tv1);
			tv3 = Fp.cmov(tv2, tv3, e1);
			tv4 = Fp.cmov(tvv5, tv4, e1);
		}
		return { isValid: isQR, value: tv3 };
	};
	if (Fp.ORDER % weierstrass_4n === weierstrass_3n) {
		const c1 = (Fp.ORDER - weierstrass_3n) / weierstrass_4n;
		const c2 = Fp.sqrt(Fp.neg(Z));
		sqrtRatio = (u, v) => {
			let tv1 = Fp.sqr(v);
			const tv2 = Fp.mul(u, v);
			tv1 = Fp.mul(tv1, tv2);
			let y1 = Fp.pow(tv1, c1);
			y1 = Fp.mul(y1, tv2);
			const y2 = Fp.mul(y1, c2);
			const tv3 = Fp.mul(Fp.sqr(y1), v);
			const isQR = Fp.eql(tv3, u);
			let y = Fp.cmov(y2, y1, isQR);
			return { isValid: isQR, value: y };
		};
	}
	return sqrtRatio;
}
function weierstrass_mapToCurveSimpleSWU(Fp, opts) {
	validateField(Fp);
	const { A, B, Z } = opts;
	if (!Fp.isValid(A) || !Fp.isValid(B) || !Fp.isValid(Z))
		throw new Error('mapToCurveSimpleSWU: invalid opts');
	const sqrtRatio = SWUFpSqrtRatio(Fp, Z);
	if (!Fp.isOdd)
		throw new Error('Field does not have .isOdd()');
	return (u) => {
		let tv1, tv2, tv3, tv4, tv5, tv6, x, y;
		tv1 = Fp.sqr(u);
		tv1 = Fp.mul(tv1, Z);
		tv2 = Fp.sqr(tv1);
		tv2 = Fp.add(tv2, tv1);
		tv3 = Fp.add(tv2, Fp.ONE);
		tv3 = Fp.mul(tv3, B);
		tv4 = Fp.cmov(Z, Fp.neg(tv2), !Fp.eql(tv2, Fp.ZERO));
		tv4 = Fp.mul(tv4, A);
		tv2 = Fp.sqr(tv3);
		tv6 = Fp.sqr(tv4);
		tv5 = Fp.mul(tv6, A);
		tv2 = Fp.add(tv2, tv5);
		tv2 = Fp.mul(tv2, tv3);
		tv6 = Fp.mul(tv6, tv4);
		tv5 = Fp.mul(tv6, B);
		tv2 = Fp.add(tv2, tv5);
		x = Fp.mul(tv1, tv3);
		const { isValid, value } = sqrtRatio(tv2, tv6);
		y = Fp.mul(tv1, u);
		y = Fp.mul(y, value);
		x = Fp.cmov(x, tv3, isValid);
		y = Fp.cmov(y, value, isValid);
		const e1 = Fp.isOdd(u) === Fp.isOdd(y);
		y = Fp.cmov(Fp.neg(y), y, e1);
		const tv4_inv = FpInvertBatch(Fp, [tv4], true)[0];
		x = Fp.mul(x, tv4_inv);
		return { x, y };
	};
}
function getWLengths(Fp, Fn) {
	return {
		secretKey: Fn.BYTES,
		publicKey: 1 + Fp.BYTES,
		publicKeyUncompressed: 1 + 2 * Fp.BYTES,
		publicKeyHasPrefix: true,
		signature: 2 * Fn.BYTES,
	};
}
function ecdh(Point, ecdhOpts = {}) {
	const { Fn } = Point;
	const randomBytes_ = ecdhOpts.randomBytes || hashes_utils_randomBytes;
	const lengths = Object.assign(getWLengths(Point.Fp, Fn), { seed: getMinHashLength(Fn.ORDER) });
	function isValidSecretKey(secretKey) {
		try {
			const num = Fn.fromBytes(secretKey);
			return Fn.isValidNot0(num);
		}
		catch (error) {
			return false;
		}
	}
	function isValidPublicKey(publicKey, isCompressed) {
		const { publicKey: comp, publicKeyUncompressed } = lengths;
		try {
			const l = publicKey.length;
			if (isCompressed === true && l !== comp)
				return false;
			if (isCompressed === false && l !== publicKeyUncompressed)
				return false;
			return !!Point.fromBytes(publicKey);
		}
		catch (error) {
			return false;
		}
	}
	function randomSecretKey(seed = randomBytes_(lengths.seed)) {
		return mapHashToField(hashes_utils_abytes(seed, lengths.seed, 'seed'), Fn.ORDER);
	}
	function getPublicKey(secretKey, isCompressed = true) {
		return Point.BASE.multiply(Fn.fromBytes(secretKey)).toBytes(isCompressed);
	}
	function isProbPub(item) {
		const { secretKey, publicKey, publicKeyUncompressed } = lengths;
		if (!hashes_utils_isBytes(item))
			return undefined;
		if (('_lengths' in Fn && Fn._lengths) || secretKey === publicKey)
			return undefined;
		const l = hashes_utils_abytes(item, undefined, 'key').length;
		return l === publicKey || l === publicKeyUncompressed;
	}
	function getSharedSecret(secretKeyA, publicKeyB, isCompressed = true) {
		if (isProbPub(secretKeyA) === true)
			throw new Error('first arg must be private key');
		if (isProbPub(publicKeyB) === false)
			throw new Error('second arg must be public key');
		const s = Fn.fromBytes(secretKeyA);
		const b = Point.fromBytes(publicKeyB);
		return b.multiply(s).toBytes(isCompressed);
	}
	const utils = {
		isValidSecretKey,
		isValidPublicKey,
		randomSecretKey,
	};
	const keygen = createKeygen(randomSecretKey, getPublicKey);
	return Object.freeze({ getPublicKey, getSharedSecret, keygen, Point, utils, lengths });
}
function weierstrass_ecdsa(Point, hash, ecdsaOpts = {}) {
	utils_ahash(hash);
	curves_utils_validateObject(ecdsaOpts, {}, {
		hmac: 'function',
		lowS: 'boolean',
		randomBytes: 'function',
		bits2int: 'function',
		bits2int_modN: 'function',
	});
	ecdsaOpts = Object.assign({}, ecdsaOpts);
	const randomBytes = ecdsaOpts.randomBytes || hashes_utils_randomBytes;
	const hmac = ecdsaOpts.hmac || ((key, msg) => hashes_hmac_hmac(hash, key, msg));
	const { Fp, Fn } = Point;
	const { ORDER: CURVE_ORDER, BITS: fnBits } = Fn;
	const { keygen, getPublicKey, getSharedSecret, utils, lengths } = ecdh(Point, ecdsaOpts);
	const defaultSigOpts = {
		prehash: true,
		lowS: typeof ecdsaOpts.lowS === 'boolean' ? ecdsaOpts.lowS : true,
		format: 'compact',
		extraEntropy: false,
	};
	const hasLargeCofactor = CURVE_ORDER * weierstrass_2n < Fp.ORDER;
	function isBiggerThanHalfOrder(number) {
		const HALF = CURVE_ORDER >> weierstrass_1n;
		return number > HALF;
	}
	function validateRS(title, num) {
		if (!Fn.isValidNot0(num))
			throw new Error(`invalid signature ${title}: out of range 1..Point.Fn.ORDER`);
		return num;
	}
	function assertSmallCofactor() {
		if (hasLargeCofactor)
			throw new Error('"recovered" sig type is not supported for cofactor >2 curves');
	}
	function validateSigLength(bytes, format) {
		validateSigFormat(format);
		const size = lengths.signature;
		const sizer = format === 'compact' ? size : format === 'recovered' ? size + 1 : undefined;
		return hashes_utils_abytes(bytes, sizer);
	}
	class Signature {
		r;
		s;
		recovery;
		constructor(r, s, recovery) {
			this.r = validateRS('r', r);
			this.s = validateRS('s', s);
			if (recovery != null) {
				assertSmallCofactor();
				if (![0, 1, 2, 3].includes(recovery))
					throw new Error('invalid recovery id');
				this.recovery = recovery;
			}
			Object.freeze(this);
		}
		static fromBytes(bytes, format = defaultSigOpts.format) {
			validateSigLength(bytes, format);
			let recid;
			if (format === 'der') {
				const { r, s } = DER.toSig(hashes_utils_abytes(bytes));
				return new Signature(r, s);
			}
			if (format === 'recovered') {
				recid = bytes[0];
				format = 'compact';
				bytes = bytes.subarray(1);
			}
			const L = lengths.signature / 2;
			const r = bytes.subarray(0, L);
			const s = bytes.subarray(L, L * 2);
			return new Signature(Fn.fromBytes(r), Fn.fromBytes(s), recid);
		}
		static fromHex(hex, format) {
			return this.fromBytes(hashes_utils_hexToBytes(hex), format);
		}
		assertRecovery() {
			const { recovery } = this;
			if (recovery == null)
				throw new Error('invalid recovery id: must be present');
			return recovery;
		}
		addRecoveryBit(recovery) {
			return new Signature(this.r, this.s, recovery);
		}
		recoverPublicKey(messageHash) {
			const { r, s } = this;
			const recovery = this.assertRecovery();
			const radj = recovery === 2 || recovery === 3 ? r + CURVE_ORDER : r;
			if (!Fp.isValid(radj))
				throw new Error('invalid recovery id: sig.r+curve.n != R.x');
			const x = Fp.toBytes(radj);
			const R = Point.fromBytes(hashes_utils_concatBytes(pprefix((recovery & 1) === 0), x));
			const ir = Fn.inv(radj);
			const h = bits2int_modN(hashes_utils_abytes(messageHash, undefined, 'msgHash'));
			const u1 = Fn.create(-h * ir);
			const u2 = Fn.create(s * ir);
			const Q = Point.BASE.multiplyUnsafe(u1).add(R.multiplyUnsafe(u2));
			if (Q.is0())
				throw new Error('invalid recovery: point at infinify');
			Q.assertValidity();
			return Q;
		}
		hasHighS() {
			return isBiggerThanHalfOrder(this.s);
		}
		toBytes(format = defaultSigOpts.format) {
			validateSigFormat(format);
			if (format === 'der')
				return hashes_utils_hexToBytes(DER.hexFromSig(this));
			const { r, s } = this;
			const rb = Fn.toBytes(r);
			const sb = Fn.toBytes(s);
			if (format === 'recovered') {
				assertSmallCofactor();
				return hashes_utils_concatBytes(Uint8Array.of(this.assertRecovery()), rb, sb);
			}
			return hashes_utils_concatBytes(rb, sb);
		}
		toHex(format) {
			return hashes_utils_bytesToHex(this.toBytes(format));
		}
	}
	const bits2int = ecdsaOpts.bits2int ||
		function bits2int_def(bytes) {
			if (bytes.length > 8192)
				throw new Error('input is too large');
			const num = curves_utils_bytesToNumberBE(bytes);
			const delta = bytes.length * 8 - fnBits;
			return delta > 0 ? num >> BigInt(delta) : num;
		};
	const bits2int_modN = ecdsaOpts.bits2int_modN ||
		function bits2int_modN_def(bytes) {
			return Fn.create(bits2int(bytes));
		};
	const ORDER_MASK = utils_bitMask(fnBits);
	function int2octets(num) {
		aInRange('num < 2^' + fnBits, num, weierstrass_0n, ORDER_MASK);
		return Fn.toBytes(num);
	}
	function validateMsgAndHash(message, prehash) {
		hashes_utils_abytes(message, undefined, 'message');
		return prehash ? hashes_utils_abytes(hash(message), undefined, 'prehashed message') : message;
	}
	function prepSig(message, secretKey, opts) {
		const { lowS, prehash, extraEntropy } = validateSigOpts(opts, defaultSigOpts);
		message = validateMsgAndHash(message, prehash);
		const h1int = bits2int_modN(message);
		const d = Fn.fromBytes(secretKey);
		if (!Fn.isValidNot0(d))
			throw new Error('invalid private key');
		const seedArgs = [int2octets(d), int2octets(h1int)];
		if (extraEntropy != null && extraEntropy !== false) {
			const e = extraEntropy === true ? randomBytes(lengths.secretKey) : extraEntropy;
			seedArgs.push(hashes_utils_abytes(e, undefined, 'extraEntropy'));
		}
		const seed = hashes_utils_concatBytes(...seedArgs);
		const m = h1int;
		function k2sig(kBytes) {
			const k = bits2int(kBytes);
			if (!Fn.isValidNot0(k))
				return;
			const ik = Fn.inv(k);
			const q = Point.BASE.multiply(k).toAffine();
			const r = Fn.create(q.x);
			if (r === weierstrass_0n)
				return;
			const s = Fn.create(ik * Fn.create(m + r * d));
			if (s === weierstrass_0n)
				return;
			let recovery = (q.x === r ? 0 : 2) | Number(q.y & weierstrass_1n);
			let normS = s;
			if (lowS && isBiggerThanHalfOrder(s)) {
				normS = Fn.neg(s);
				recovery ^= 1;
			}
			return new Signature(r, normS, hasLargeCofactor ? undefined : recovery);
		}
		return { seed, k2sig };
	}
	function sign(message, secretKey, opts = {}) {
		const { seed, k2sig } = prepSig(message, secretKey, opts);
		const drbg = createHmacDrbg(hash.outputLen, Fn.BYTES, hmac);
		const sig = drbg(seed, k2sig);
		return sig.toBytes(opts.format);
	}
	function verify(signature, message, publicKey, opts = {}) {
		const { lowS, prehash, format } = validateSigOpts(opts, defaultSigOpts);
		publicKey = hashes_utils_abytes(publicKey, undefined, 'publicKey');
		message = validateMsgAndHash(message, prehash);
		if (!hashes_utils_isBytes(signature)) {
			const end = signature instanceof Signature ? ', use sig.toBytes()' : '';
			throw new Error('verify expects Uint8Array signature' + end);
		}
		validateSigLength(signature, format);
		try {
			const sig = Signature.fromBytes(signature, format);
			const P = Point.fromBytes(publicKey);
			if (lowS && sig.hasHighS())
				return false;
			const { r, s } = sig;
			const h = bits2int_modN(message);
			const is = Fn.inv(s);
			const u1 = Fn.create(h * is);
			const u2 = Fn.create(r * is);
			const R = Point.BASE.multiplyUnsafe(u1).add(P.multiplyUnsafe(u2));
			if (R.is0())
				return false;
			const v = Fn.create(R.x);
			return v === r;
		}
		catch (e) {
			return false;
		}
	}
	function recoverPublicKey(signature, message, opts = {}) {
		const { prehash } = validateSigOpts(opts, defaultSigOpts);
		message = validateMsgAndHash(message, prehash);
		return Signature.fromBytes(signature, 'recovered').recoverPublicKey(message).toBytes();
	}
	return Object.freeze({
		keygen,
		getPublicKey,
		getSharedSecret,
		utils,
		lengths,
		Point,
		sign,
		verify,
		recoverPublicKey,
		Signature,
		hash,
	});
}
;
const p256_CURVE =   (() => ({
	p: BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff'),
	n: BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
	h: BigInt(1),
	a: BigInt('0xffffffff00000001000000000000000000000000fffffffffffffffffffffffc'),
	b: BigInt('0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b'),
	Gx: BigInt('0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
	Gy: BigInt('0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
}))();
const p384_CURVE =   (() => ({
	p: BigInt('0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff'),
	n: BigInt('0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
	h: BigInt(1),
	a: BigInt('0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc'),
	b: BigInt('0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef'),
	Gx: BigInt('0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7'),
	Gy: BigInt('0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f'),
}))();
const p521_CURVE =   (() => ({
	p: BigInt('0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
	n: BigInt('0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409'),
	h: BigInt(1),
	a: BigInt('0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc'),
	b: BigInt('0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00'),
	Gx: BigInt('0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66'),
	Gy: BigInt('0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650'),
}))();
function createSWU(Point, opts) {
	const map = mapToCurveSimpleSWU(Point.Fp, opts);
	return (scalars) => map(scalars[0]);
}
const p256_Point =   weierstrass_weierstrass(p256_CURVE);
const p256 =   weierstrass_ecdsa(p256_Point, hashes_sha2_sha256);
const p256_hasher =   (  null && ((() => {
	return createHasher(p256_Point, createSWU(p256_Point, {
		A: p256_CURVE.a,
		B: p256_CURVE.b,
		Z: p256_Point.Fp.create(BigInt('-10')),
	}), {
		DST: 'P256_XMD:SHA-256_SSWU_RO_',
		encodeDST: 'P256_XMD:SHA-256_SSWU_NU_',
		p: p256_CURVE.p,
		m: 1,
		k: 128,
		expand: 'xmd',
		hash: sha256,
	});
})()));
const p256_oprf =   (  null && ((() => createORPF({
	name: 'P256-SHA256',
	Point: p256_Point,
	hash: sha256,
	hashToGroup: p256_hasher.hashToCurve,
	hashToScalar: p256_hasher.hashToScalar,
}))()));
const p384_Point =   weierstrass_weierstrass(p384_CURVE);
const nist_p384 =   weierstrass_ecdsa(p384_Point, hashes_sha2_sha384);
const p384_hasher =   (  null && ((() => {
	return createHasher(p384_Point, createSWU(p384_Point, {
		A: p384_CURVE.a,
		B: p384_CURVE.b,
		Z: p384_Point.Fp.create(BigInt('-12')),
	}), {
		DST: 'P384_XMD:SHA-384_SSWU_RO_',
		encodeDST: 'P384_XMD:SHA-384_SSWU_NU_',
		p: p384_CURVE.p,
		m: 1,
		k: 192,
		expand: 'xmd',
		hash: sha384,
	});
})()));
const p384_oprf =   (  null && ((() => createORPF({
	name: 'P384-SHA384',
	Point: p384_Point,
	hash: sha384,
	hashToGroup: p384_hasher.hashToCurve,
	hashToScalar: p384_hasher.hashToScalar,
}))()));
const Fn521 =   (() => Field(p521_CURVE.n, { allowedLengths: [65, 66] }))();
const p521_Point =   weierstrass_weierstrass(p521_CURVE, { Fn: Fn521 });
const p521 =   (  null && (ecdsa(p521_Point, sha512)));
const p521_hasher =   (  null && ((() => {
	return createHasher(p521_Point, createSWU(p521_Point, {
		A: p521_CURVE.a,
		B: p521_CURVE.b,
		Z: p521_Point.Fp.create(BigInt('-4')),
	}), {
		DST: 'P521_XMD:SHA-512_SSWU_RO_',
		encodeDST: 'P521_XMD:SHA-512_SSWU_NU_',
		p: p521_CURVE.p,
		m: 1,
		k: 256,
		expand: 'xmd',
		hash: sha512,
	});
})()));
const p521_oprf =   (  null && ((() => createORPF({
	name: 'P521-SHA512',
	Point: p521_Point,
	hash: sha512,
	hashToGroup: p521_hasher.hashToCurve,
	hashToScalar: p521_hasher.hashToScalar,
}))()));
;
function hashes_hkdf_extract(hash, ikm, salt) {
	utils_ahash(hash);
	if (salt === undefined)
		salt = new Uint8Array(hash.outputLen);
	return hashes_hmac_hmac(hash, salt, ikm);
}
const hkdf_HKDF_COUNTER =   Uint8Array.of(0);
const hkdf_EMPTY_BUFFER =   Uint8Array.of();
function hkdf_expand(hash, prk, info, length = 32) {
	utils_ahash(hash);
	hashes_utils_anumber(length, 'length');
	const olen = hash.outputLen;
	if (length > 255 * olen)
		throw new Error('Length must be <= 255*HashLen');
	const blocks = Math.ceil(length / olen);
	if (info === undefined)
		info = hkdf_EMPTY_BUFFER;
	else
		hashes_utils_abytes(info, undefined, 'info');
	const okm = new Uint8Array(blocks * olen);
	const HMAC = hashes_hmac_hmac.create(hash, prk);
	const HMACTmp = HMAC._cloneInto();
	const T = new Uint8Array(HMAC.outputLen);
	for (let counter = 0; counter < blocks; counter++) {
		hkdf_HKDF_COUNTER[0] = counter + 1;
		HMACTmp.update(counter === 0 ? hkdf_EMPTY_BUFFER : T)
			.update(info)
			.update(hkdf_HKDF_COUNTER)
			.digestInto(T);
		okm.set(T, olen * counter);
		HMAC._cloneInto(HMACTmp);
	}
	HMAC.destroy();
	HMACTmp.destroy();
	hashes_utils_clean(T, hkdf_HKDF_COUNTER);
	return okm.slice(0, length);
}
const hkdf_hkdf = (hash, ikm, salt, info, length) => hkdf_expand(hash, hashes_hkdf_extract(hash, ikm, salt), info, length);
;
const sha3_0n = BigInt(0);
const sha3_1n = BigInt(1);
const sha3_2n = BigInt(2);
const sha3_7n = BigInt(7);
const _256n = BigInt(256);
const _0x71n = BigInt(0x71);
const SHA3_PI = [];
const SHA3_ROTL = [];
const _SHA3_IOTA = [];
for (let round = 0, R = sha3_1n, x = 1, y = 0; round < 24; round++) {
	[x, y] = [y, (2 * x + 3 * y) % 5];
	SHA3_PI.push(2 * (5 * y + x));
	SHA3_ROTL.push((((round + 1) * (round + 2)) / 2) % 64);
	let t = sha3_0n;
	for (let j = 0; j < 7; j++) {
		R = ((R << sha3_1n) ^ ((R >> sha3_7n) * _0x71n)) % _256n;
		if (R & sha3_2n)
			t ^= sha3_1n << ((sha3_1n << BigInt(j)) - sha3_1n);
	}
	_SHA3_IOTA.push(t);
}
const IOTAS = _u64_split(_SHA3_IOTA, true);
const SHA3_IOTA_H = IOTAS[0];
const SHA3_IOTA_L = IOTAS[1];
const rotlH = (h, l, s) => (s > 32 ? rotlBH(h, l, s) : rotlSH(h, l, s));
const rotlL = (h, l, s) => (s > 32 ? rotlBL(h, l, s) : rotlSL(h, l, s));
function keccakP(s, rounds = 24) {
	const B = new Uint32Array(5 * 2);
	for (let round = 24 - rounds; round < 24; round++) {
		for (let x = 0; x < 10; x++)
			B[x] = s[x] ^ s[x + 10] ^ s[x + 20] ^ s[x + 30] ^ s[x + 40];
		for (let x = 0; x < 10; x += 2) {
			const idx1 = (x + 8) % 10;
			const idx0 = (x + 2) % 10;
			const B0 = B[idx0];
			const B1 = B[idx0 + 1];
			const Th = rotlH(B0, B1, 1) ^ B[idx1];
			const Tl = rotlL(B0, B1, 1) ^ B[idx1 + 1];
			for (let y = 0; y < 50; y += 10) {
				s[x + y] ^= Th;
				s[x + y + 1] ^= Tl;
			}
		}
		let curH = s[2];
		let curL = s[3];
		for (let t = 0; t < 24; t++) {
			const shift = SHA3_ROTL[t];
			const Th = rotlH(curH, curL, shift);
			const Tl = rotlL(curH, curL, shift);
			const PI = SHA3_PI[t];
			curH = s[PI];
			curL = s[PI + 1];
			s[PI] = Th;
			s[PI + 1] = Tl;
		}
		for (let y = 0; y < 50; y += 10) {
			for (let x = 0; x < 10; x++)
				B[x] = s[y + x];
			for (let x = 0; x < 10; x++)
				s[y + x] ^= ~B[(x + 2) % 10] & B[(x + 4) % 10];
		}
		s[0] ^= SHA3_IOTA_H[round];
		s[1] ^= SHA3_IOTA_L[round];
	}
	hashes_utils_clean(B);
}
class Keccak {
	state;
	pos = 0;
	posOut = 0;
	finished = false;
	state32;
	destroyed = false;
	blockLen;
	suffix;
	outputLen;
	enableXOF = false;
	rounds;
	constructor(blockLen, suffix, outputLen, enableXOF = false, rounds = 24) {
		this.blockLen = blockLen;
		this.suffix = suffix;
		this.outputLen = outputLen;
		this.enableXOF = enableXOF;
		this.rounds = rounds;
		hashes_utils_anumber(outputLen, 'outputLen');
		if (!(0 < blockLen && blockLen < 200))
			throw new Error('only keccak-f1600 function is supported');
		this.state = new Uint8Array(200);
		this.state32 = hashes_utils_u32(this.state);
	}
	clone() {
		return this._cloneInto();
	}
	keccak() {
		hashes_utils_swap32IfBE(this.state32);
		keccakP(this.state32, this.rounds);
		hashes_utils_swap32IfBE(this.state32);
		this.posOut = 0;
		this.pos = 0;
	}
	update(data) {
		hashes_utils_aexists(this);
		hashes_utils_abytes(data);
		const { blockLen, state } = this;
		const len = data.length;
		for (let pos = 0; pos < len;) {
			const take = Math.min(blockLen - this.pos, len - pos);
			for (let i = 0; i < take; i++)
				state[this.pos++] ^= data[pos++];
			if (this.pos === blockLen)
				this.keccak();
		}
		return this;
	}
	finish() {
		if (this.finished)
			return;
		this.finished = true;
		const { state, suffix, pos, blockLen } = this;
		state[pos] ^= suffix;
		if ((suffix & 0x80) !== 0 && pos === blockLen - 1)
			this.keccak();
		state[blockLen - 1] ^= 0x80;
		this.keccak();
	}
	writeInto(out) {
		hashes_utils_aexists(this, false);
		hashes_utils_abytes(out);
		this.finish();
		const bufferOut = this.state;
		const { blockLen } = this;
		for (let pos = 0, len = out.length; pos < len;) {
			if (this.posOut >= blockLen)
				this.keccak();
			const take = Math.min(blockLen - this.posOut, len - pos);
			out.set(bufferOut.subarray(this.posOut, this.posOut + take), pos);
			this.posOut += take;
			pos += take;
		}
		return out;
	}
	xofInto(out) {
		if (!this.enableXOF)
			throw new Error('XOF is not possible for this instance');
		return this.writeInto(out);
	}
	xof(bytes) {
		hashes_utils_anumber(bytes);
		return this.xofInto(new Uint8Array(bytes));
	}
	digestInto(out) {
		hashes_utils_aoutput(out, this);
		if (this.finished)
			throw new Error('digest() was already called');
		this.writeInto(out);
		this.destroy();
		return out;
	}
	digest() {
		return this.digestInto(new Uint8Array(this.outputLen));
	}
	destroy() {
		this.destroyed = true;
		hashes_utils_clean(this.state);
	}
	_cloneInto(to) {
		const { blockLen, suffix, outputLen, rounds, enableXOF } = this;
		to ||= new Keccak(blockLen, suffix, outputLen, enableXOF, rounds);
		to.state32.set(this.state32);
		to.pos = this.pos;
		to.posOut = this.posOut;
		to.finished = this.finished;
		to.rounds = rounds;
		to.suffix = suffix;
		to.outputLen = outputLen;
		to.enableXOF = enableXOF;
		to.destroyed = this.destroyed;
		return to;
	}
}
const genKeccak = (suffix, blockLen, outputLen, info = {}) => hashes_utils_createHasher(() => new Keccak(blockLen, suffix, outputLen), info);
const sha3_224 =   (  null && (genKeccak(0x06, 144, 28,
  oidNist(0x07))));
const sha3_256 =   genKeccak(0x06, 136, 32,
  hashes_utils_oidNist(0x08));
const sha3_384 =   (  null && (genKeccak(0x06, 104, 48,
  oidNist(0x09))));
const sha3_512 =   genKeccak(0x06, 72, 64,
  hashes_utils_oidNist(0x0a));
const keccak_224 =   (  null && (genKeccak(0x01, 144, 28)));
const keccak_256 =   (  null && (genKeccak(0x01, 136, 32)));
const keccak_384 =   (  null && (genKeccak(0x01, 104, 48)));
const keccak_512 =   (  null && (genKeccak(0x01, 72, 64)));
const genShake = (suffix, blockLen, outputLen, info = {}) => hashes_utils_createHasher((opts = {}) => new Keccak(blockLen, suffix, opts.dkLen === undefined ? outputLen : opts.dkLen, true), info);
const shake128 =
genShake(0x1f, 168, 16,   hashes_utils_oidNist(0x0b));
const sha3_shake256 =
genShake(0x1f, 136, 32,   hashes_utils_oidNist(0x0c));
const shake128_32 =
(  null && (genShake(0x1f, 168, 32,   oidNist(0x0b))));
const shake256_64 =
(  null && (genShake(0x1f, 136, 64,   oidNist(0x0c))));
;
function checkU32(n) {
	if (!Number.isSafeInteger(n) || n < 0 || n > 0xffffffff)
		throw new Error('wrong u32 integer:' + n);
	return n;
}
function isPowerOfTwo(x) {
	checkU32(x);
	return (x & (x - 1)) === 0 && x !== 0;
}
function nextPowerOfTwo(n) {
	checkU32(n);
	if (n <= 1)
		return 1;
	return (1 << (log2(n - 1) + 1)) >>> 0;
}
function reverseBits(n, bits) {
	checkU32(n);
	let reversed = 0;
	for (let i = 0; i < bits; i++, n >>>= 1)
		reversed = (reversed << 1) | (n & 1);
	return reversed;
}
function log2(n) {
	checkU32(n);
	return 31 - Math.clz32(n);
}
function bitReversalInplace(values) {
	const n = values.length;
	if (n < 2 || !isPowerOfTwo(n))
		throw new Error('n must be a power of 2 and greater than 1. Got ' + n);
	const bits = log2(n);
	for (let i = 0; i < n; i++) {
		const j = reverseBits(i, bits);
		if (i < j) {
			const tmp = values[i];
			values[i] = values[j];
			values[j] = tmp;
		}
	}
	return values;
}
function bitReversalPermutation(values) {
	return bitReversalInplace(values.slice());
}
const fft_1n =   BigInt(1);
function findGenerator(field) {
	let G = BigInt(2);
	for (; field.eql(field.pow(G, field.ORDER >> fft_1n), field.ONE); G++)
		;
	return G;
}
function rootsOfUnity(field, generator) {
	let oddFactor = field.ORDER - fft_1n;
	let powerOfTwo = 0;
	for (; (oddFactor & fft_1n) !== fft_1n; powerOfTwo++, oddFactor >>= fft_1n)
		;
	let G = generator !== undefined ? BigInt(generator) : findGenerator(field);
	const omegas = new Array(powerOfTwo + 1);
	omegas[powerOfTwo] = field.pow(G, oddFactor);
	for (let i = powerOfTwo; i > 0; i--)
		omegas[i - 1] = field.sqr(omegas[i]);
	const rootsCache = [];
	const checkBits = (bits) => {
		checkU32(bits);
		if (bits > 31 || bits > powerOfTwo)
			throw new Error('rootsOfUnity: wrong bits ' + bits + ' powerOfTwo=' + powerOfTwo);
		return bits;
	};
	const precomputeRoots = (maxPower) => {
		checkBits(maxPower);
		for (let power = maxPower; power >= 0; power--) {
			if (rootsCache[power])
				continue;
			const rootsAtPower = [];
			for (let j = 0, cur = field.ONE; j < 2 ** power; j++, cur = field.mul(cur, omegas[power]))
				rootsAtPower.push(cur);
			rootsCache[power] = rootsAtPower;
		}
		return rootsCache[maxPower];
	};
	const brpCache = new Map();
	const inverseCache = new Map();
	return {
		info: { G, powerOfTwo, oddFactor },
		roots: (bits) => {
			const b = checkBits(bits);
			return precomputeRoots(b);
		},
		brp(bits) {
			const b = checkBits(bits);
			if (brpCache.has(b))
				return brpCache.get(b);
			else {
				const res = bitReversalPermutation(this.roots(b));
				brpCache.set(b, res);
				return res;
			}
		},
		inverse(bits) {
			const b = checkBits(bits);
			if (inverseCache.has(b))
				return inverseCache.get(b);
			else {
				const res = field.invertBatch(this.roots(b));
				inverseCache.set(b, res);
				return res;
			}
		},
		omega: (bits) => omegas[checkBits(bits)],
		clear: () => {
			rootsCache.splice(0, rootsCache.length);
			brpCache.clear();
		},
	};
}
const FFTCore = (F, coreOpts) => {
	const { N, roots, dit, invertButterflies = false, skipStages = 0, brp = true } = coreOpts;
	const bits = log2(N);
	if (!isPowerOfTwo(N))
		throw new Error('FFT: Polynomial size should be power of two');
	const isDit = dit !== invertButterflies;
	isDit;
	return (values) => {
		if (values.length !== N)
			throw new Error('FFT: wrong Polynomial length');
		if (dit && brp)
			bitReversalInplace(values);
		for (let i = 0, g = 1; i < bits - skipStages; i++) {
			const s = dit ? i + 1 + skipStages : bits - i;
			const m = 1 << s;
			const m2 = m >> 1;
			const stride = N >> s;
			for (let k = 0; k < N; k += m) {
				for (let j = 0, grp = g++; j < m2; j++) {
					const rootPos = invertButterflies ? (dit ? N - grp : grp) : j * stride;
					const i0 = k + j;
					const i1 = k + j + m2;
					const omega = roots[rootPos];
					const b = values[i1];
					const a = values[i0];
					if (isDit) {
						const t = F.mul(b, omega);
						values[i0] = F.add(a, t);
						values[i1] = F.sub(a, t);
					}
					else if (invertButterflies) {
						values[i0] = F.add(b, a);
						values[i1] = F.mul(F.sub(b, a), omega);
					}
					else {
						values[i0] = F.add(a, b);
						values[i1] = F.mul(F.sub(a, b), omega);
					}
				}
			}
		}
		if (!dit && brp)
			bitReversalInplace(values);
		return values;
	};
};
function FFT(roots, opts) {
	const getLoop = (N, roots, brpInput = false, brpOutput = false) => {
		if (brpInput && brpOutput) {
			return (values) => FFTCore(opts, { N, roots, dit: false, brp: false })(bitReversalInplace(values));
		}
		if (brpInput)
			return FFTCore(opts, { N, roots, dit: true, brp: false });
		if (brpOutput)
			return FFTCore(opts, { N, roots, dit: false, brp: false });
		return FFTCore(opts, { N, roots, dit: true, brp: true });
	};
	return {
		direct(values, brpInput = false, brpOutput = false) {
			const N = values.length;
			if (!isPowerOfTwo(N))
				throw new Error('FFT: Polynomial size should be power of two');
			const bits = log2(N);
			return getLoop(N, roots.roots(bits), brpInput, brpOutput)(values.slice());
		},
		inverse(values, brpInput = false, brpOutput = false) {
			const N = values.length;
			const bits = log2(N);
			const res = getLoop(N, roots.inverse(bits), brpInput, brpOutput)(values.slice());
			const ivm = opts.inv(BigInt(values.length));
			for (let i = 0; i < res.length; i++)
				res[i] = opts.mul(res[i], ivm);
			return res;
		},
	};
}
function poly(field, roots, create, fft, length) {
	const F = field;
	const _create = create ||
		((len, elm) => new Array(len).fill(elm ?? F.ZERO));
	const isPoly = (x) => Array.isArray(x) || ArrayBuffer.isView(x);
	const checkLength = (...lst) => {
		if (!lst.length)
			return 0;
		for (const i of lst)
			if (!isPoly(i))
				throw new Error('poly: not polynomial: ' + i);
		const L = lst[0].length;
		for (let i = 1; i < lst.length; i++)
			if (lst[i].length !== L)
				throw new Error(`poly: mismatched lengths ${L} vs ${lst[i].length}`);
		if (length !== undefined && L !== length)
			throw new Error(`poly: expected fixed length ${length}, got ${L}`);
		return L;
	};
	function findOmegaIndex(x, n, brp = false) {
		const bits = log2(n);
		const omega = brp ? roots.brp(bits) : roots.roots(bits);
		for (let i = 0; i < n; i++)
			if (F.eql(x, omega[i]))
				return i;
		return -1;
	}
	return {
		roots,
		create: _create,
		length,
		extend: (a, len) => {
			checkLength(a);
			const out = _create(len, F.ZERO);
			for (let i = 0; i < a.length; i++)
				out[i] = a[i];
			return out;
		},
		degree: (a) => {
			checkLength(a);
			for (let i = a.length - 1; i >= 0; i--)
				if (!F.is0(a[i]))
					return i;
			return -1;
		},
		add: (a, b) => {
			const len = checkLength(a, b);
			const out = _create(len);
			for (let i = 0; i < len; i++)
				out[i] = F.add(a[i], b[i]);
			return out;
		},
		sub: (a, b) => {
			const len = checkLength(a, b);
			const out = _create(len);
			for (let i = 0; i < len; i++)
				out[i] = F.sub(a[i], b[i]);
			return out;
		},
		dot: (a, b) => {
			const len = checkLength(a, b);
			const out = _create(len);
			for (let i = 0; i < len; i++)
				out[i] = F.mul(a[i], b[i]);
			return out;
		},
		mul: (a, b) => {
			if (isPoly(b)) {
				const len = checkLength(a, b);
				if (fft) {
					const A = fft.direct(a, false, true);
					const B = fft.direct(b, false, true);
					for (let i = 0; i < A.length; i++)
						A[i] = F.mul(A[i], B[i]);
					return fft.inverse(A, true, false);
				}
				else {
					const res = _create(len);
					for (let i = 0; i < len; i++) {
						for (let j = 0; j < len; j++) {
							const k = (i + j) % len;
							res[k] = F.add(res[k], F.mul(a[i], b[j]));
						}
					}
					return res;
				}
			}
			else {
				const out = _create(checkLength(a));
				for (let i = 0; i < out.length; i++)
					out[i] = F.mul(a[i], b);
				return out;
			}
		},
		convolve(a, b) {
			const len = nextPowerOfTwo(a.length + b.length - 1);
			return this.mul(this.extend(a, len), this.extend(b, len));
		},
		shift(p, factor) {
			const out = _create(checkLength(p));
			out[0] = p[0];
			for (let i = 1, power = F.ONE; i < p.length; i++) {
				power = F.mul(power, factor);
				out[i] = F.mul(p[i], power);
			}
			return out;
		},
		clone: (a) => {
			checkLength(a);
			const out = _create(a.length);
			for (let i = 0; i < a.length; i++)
				out[i] = a[i];
			return out;
		},
		eval: (a, basis) => {
			checkLength(a);
			let acc = F.ZERO;
			for (let i = 0; i < a.length; i++)
				acc = F.add(acc, F.mul(a[i], basis[i]));
			return acc;
		},
		monomial: {
			basis: (x, n) => {
				const out = _create(n);
				let pow = F.ONE;
				for (let i = 0; i < n; i++) {
					out[i] = pow;
					pow = F.mul(pow, x);
				}
				return out;
			},
			eval: (a, x) => {
				checkLength(a);
				let acc = F.ZERO;
				for (let i = a.length - 1; i >= 0; i--)
					acc = F.add(F.mul(acc, x), a[i]);
				return acc;
			},
		},
		lagrange: {
			basis: (x, n, brp = false, weights) => {
				const bits = log2(n);
				const cache = weights || brp ? roots.brp(bits) : roots.roots(bits);
				const out = _create(n);
				const idx = findOmegaIndex(x, n, brp);
				if (idx !== -1) {
					out[idx] = F.ONE;
					return out;
				}
				const tm = F.pow(x, BigInt(n));
				const c = F.mul(F.sub(tm, F.ONE), F.inv(BigInt(n)));
				const denom = _create(n);
				for (let i = 0; i < n; i++)
					denom[i] = F.sub(x, cache[i]);
				const inv = F.invertBatch(denom);
				for (let i = 0; i < n; i++)
					out[i] = F.mul(c, F.mul(cache[i], inv[i]));
				return out;
			},
			eval(a, x, brp = false) {
				checkLength(a);
				const idx = findOmegaIndex(x, a.length, brp);
				if (idx !== -1)
					return a[idx];
				const L = this.basis(x, a.length, brp);
				let acc = F.ZERO;
				for (let i = 0; i < a.length; i++)
					if (!F.is0(a[i]))
						acc = F.add(acc, F.mul(a[i], L[i]));
				return acc;
			},
		},
		vanishing(roots) {
			checkLength(roots);
			const out = _create(roots.length + 1, F.ZERO);
			out[0] = F.ONE;
			for (const r of roots) {
				const neg = F.neg(r);
				for (let j = out.length - 1; j > 0; j--)
					out[j] = F.add(F.mul(out[j], neg), out[j - 1]);
				out[0] = F.mul(out[0], neg);
			}
			return out;
		},
	};
}
;
const post_quantum_utils_randomBytes = hashes_utils_randomBytes;
function post_quantum_utils_equalBytes(a, b) {
	if (a.length !== b.length)
		return false;
	let diff = 0;
	for (let i = 0; i < a.length; i++)
		diff |= a[i] ^ b[i];
	return diff === 0;
}
function post_quantum_utils_copyBytes(bytes) {
	return Uint8Array.from(bytes);
}
function utils_validateOpts(opts) {
	if (typeof opts !== 'object' || opts === null || isBytes(opts))
		throw new Error('expected opts to be an object');
}
function validateVerOpts(opts) {
	utils_validateOpts(opts);
	if (opts.context !== undefined)
		abytes(opts.context, undefined, 'opts.context');
}
function utils_validateSigOpts(opts) {
	validateVerOpts(opts);
	if (opts.extraEntropy !== false && opts.extraEntropy !== undefined)
		abytes(opts.extraEntropy, undefined, 'opts.extraEntropy');
}
function splitCoder(label, ...lengths) {
	const getLength = (c) => (typeof c === 'number' ? c : c.bytesLen);
	const bytesLen = lengths.reduce((sum, a) => sum + getLength(a), 0);
	return {
		bytesLen,
		encode: (bufs) => {
			const res = new Uint8Array(bytesLen);
			for (let i = 0, pos = 0; i < lengths.length; i++) {
				const c = lengths[i];
				const l = getLength(c);
				const b = typeof c === 'number' ? bufs[i] : c.encode(bufs[i]);
				hashes_utils_abytes(b, l, label);
				res.set(b, pos);
				if (typeof c !== 'number')
					b.fill(0);
				pos += l;
			}
			return res;
		},
		decode: (buf) => {
			hashes_utils_abytes(buf, bytesLen, label);
			const res = [];
			for (const c of lengths) {
				const l = getLength(c);
				const b = buf.subarray(0, l);
				res.push(typeof c === 'number' ? b : c.decode(b));
				buf = buf.subarray(l);
			}
			return res;
		},
	};
}
function vecCoder(c, vecLen) {
	const bytesLen = vecLen * c.bytesLen;
	return {
		bytesLen,
		encode: (u) => {
			if (u.length !== vecLen)
				throw new Error(`vecCoder.encode: wrong length=${u.length}. Expected: ${vecLen}`);
			const res = new Uint8Array(bytesLen);
			for (let i = 0, pos = 0; i < u.length; i++) {
				const b = c.encode(u[i]);
				res.set(b, pos);
				b.fill(0);
				pos += b.length;
			}
			return res;
		},
		decode: (a) => {
			hashes_utils_abytes(a, bytesLen);
			const r = [];
			for (let i = 0; i < a.length; i += c.bytesLen)
				r.push(c.decode(a.subarray(i, i + c.bytesLen)));
			return r;
		},
	};
}
function cleanBytes(...list) {
	for (const t of list) {
		if (Array.isArray(t))
			for (const b of t)
				b.fill(0);
		else
			t.fill(0);
	}
}
function getMask(bits) {
	return (1 << bits) - 1;
}
const EMPTY = Uint8Array.of();
function getMessage(msg, ctx = EMPTY) {
	abytes_(msg);
	abytes_(ctx);
	if (ctx.length > 255)
		throw new Error('context should be less than 255 bytes');
	return concatBytes(new Uint8Array([0, ctx.length]), ctx, msg);
}
const oidNistP =   (  null && (Uint8Array.from([6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2])));
function checkHash(hash, requiredStrength = 0) {
	if (!hash.oid || !post_quantum_utils_equalBytes(hash.oid.subarray(0, 10), oidNistP))
		throw new Error('hash.oid is invalid: expected NIST hash');
	const collisionResistance = (hash.outputLen * 8) / 2;
	if (requiredStrength > collisionResistance) {
		throw new Error('Pre-hash security strength too low: ' +
			collisionResistance +
			', required: ' +
			requiredStrength);
	}
}
function getMessagePrehash(hash, msg, ctx = EMPTY) {
	abytes_(msg);
	abytes_(ctx);
	if (ctx.length > 255)
		throw new Error('context should be less than 255 bytes');
	const hashed = hash(msg);
	return concatBytes(new Uint8Array([1, ctx.length]), ctx, hash.oid, hashed);
}
;
const genCrystals = (opts) => {
	const { newPoly, N, Q, F, ROOT_OF_UNITY, brvBits, isKyber } = opts;
	const mod = (a, modulo = Q) => {
		const result = a % modulo | 0;
		return (result >= 0 ? result | 0 : (modulo + result) | 0) | 0;
	};
	const smod = (a, modulo = Q) => {
		const r = mod(a, modulo) | 0;
		return (r > modulo >> 1 ? (r - modulo) | 0 : r) | 0;
	};
	function getZettas() {
		const out = newPoly(N);
		for (let i = 0; i < N; i++) {
			const b = reverseBits(i, brvBits);
			const p = BigInt(ROOT_OF_UNITY) ** BigInt(b) % BigInt(Q);
			out[i] = Number(p) | 0;
		}
		return out;
	}
	const nttZetas = getZettas();
	const field = {
		add: (a, b) => mod((a | 0) + (b | 0)) | 0,
		sub: (a, b) => mod((a | 0) - (b | 0)) | 0,
		mul: (a, b) => mod((a | 0) * (b | 0)) | 0,
		inv: (_a) => {
			throw new Error('not implemented');
		},
	};
	const nttOpts = {
		N,
		roots: nttZetas,
		invertButterflies: true,
		skipStages: isKyber ? 1 : 0,
		brp: false,
	};
	const dif = FFTCore(field, { dit: false, ...nttOpts });
	const dit = FFTCore(field, { dit: true, ...nttOpts });
	const NTT = {
		encode: (r) => {
			return dif(r);
		},
		decode: (r) => {
			dit(r);
			for (let i = 0; i < r.length; i++)
				r[i] = mod(F * r[i]);
			return r;
		},
	};
	const bitsCoder = (d, c) => {
		const mask = getMask(d);
		const bytesLen = d * (N / 8);
		return {
			bytesLen,
			encode: (poly) => {
				const r = new Uint8Array(bytesLen);
				for (let i = 0, buf = 0, bufLen = 0, pos = 0; i < poly.length; i++) {
					buf |= (c.encode(poly[i]) & mask) << bufLen;
					bufLen += d;
					for (; bufLen >= 8; bufLen -= 8, buf >>= 8)
						r[pos++] = buf & getMask(bufLen);
				}
				return r;
			},
			decode: (bytes) => {
				const r = newPoly(N);
				for (let i = 0, buf = 0, bufLen = 0, pos = 0; i < bytes.length; i++) {
					buf |= bytes[i] << bufLen;
					bufLen += 8;
					for (; bufLen >= d; bufLen -= d, buf >>= d)
						r[pos++] = c.decode(buf & mask);
				}
				return r;
			},
		};
	};
	return { mod, smod, nttZetas, NTT, bitsCoder };
};
const createXofShake = (shake) => (seed, blockLen) => {
	if (!blockLen)
		blockLen = shake.blockLen;
	const _seed = new Uint8Array(seed.length + 2);
	_seed.set(seed);
	const seedLen = seed.length;
	const buf = new Uint8Array(blockLen);
	let h = shake.create({});
	let calls = 0;
	let xofs = 0;
	return {
		stats: () => ({ calls, xofs }),
		get: (x, y) => {
			_seed[seedLen + 0] = x;
			_seed[seedLen + 1] = y;
			h.destroy();
			h = shake.create({}).update(_seed);
			calls++;
			return () => {
				xofs++;
				return h.xofInto(buf);
			};
		},
		clean: () => {
			h.destroy();
			cleanBytes(buf, _seed);
		},
	};
};
const XOF128 =   createXofShake(shake128);
const XOF256 =   (  null && (createXofShake(shake256)));
;
const N = 256;
const Q = 3329;
const F = 3303;
const ROOT_OF_UNITY = 17;
const { mod: ml_kem_mod, nttZetas, NTT, bitsCoder } = genCrystals({
	N,
	Q,
	F,
	ROOT_OF_UNITY,
	newPoly: (n) => new Uint16Array(n),
	brvBits: 7,
	isKyber: true,
});
const PARAMS = {
	512: { N, Q, K: 2, ETA1: 3, ETA2: 2, du: 10, dv: 4, RBGstrength: 128 },
	768: { N, Q, K: 3, ETA1: 2, ETA2: 2, du: 10, dv: 4, RBGstrength: 192 },
	1024: { N, Q, K: 4, ETA1: 2, ETA2: 2, du: 11, dv: 5, RBGstrength: 256 },
};
const compress = (d) => {
	if (d >= 12)
		return { encode: (i) => i, decode: (i) => i };
	const a = 2 ** (d - 1);
	return {
		encode: (i) => ((i << d) + Q / 2) / Q,
		decode: (i) => (i * Q + a) >>> d,
	};
};
const polyCoder = (d) => bitsCoder(d, compress(d));
function polyAdd(a, b) {
	for (let i = 0; i < N; i++)
		a[i] = ml_kem_mod(a[i] + b[i]);
}
function polySub(a, b) {
	for (let i = 0; i < N; i++)
		a[i] = ml_kem_mod(a[i] - b[i]);
}
function BaseCaseMultiply(a0, a1, b0, b1, zeta) {
	const c0 = ml_kem_mod(a1 * b1 * zeta + a0 * b0);
	const c1 = ml_kem_mod(a0 * b1 + a1 * b0);
	return { c0, c1 };
}
function MultiplyNTTs(f, g) {
	for (let i = 0; i < N / 2; i++) {
		let z = nttZetas[64 + (i >> 1)];
		if (i & 1)
			z = -z;
		const { c0, c1 } = BaseCaseMultiply(f[2 * i + 0], f[2 * i + 1], g[2 * i + 0], g[2 * i + 1], z);
		f[2 * i + 0] = c0;
		f[2 * i + 1] = c1;
	}
	return f;
}
function SampleNTT(xof) {
	const r = new Uint16Array(N);
	for (let j = 0; j < N;) {
		const b = xof();
		if (b.length % 3)
			throw new Error('SampleNTT: unaligned block');
		for (let i = 0; j < N && i + 3 <= b.length; i += 3) {
			const d1 = ((b[i + 0] >> 0) | (b[i + 1] << 8)) & 0xfff;
			const d2 = ((b[i + 1] >> 4) | (b[i + 2] << 4)) & 0xfff;
			if (d1 < Q)
				r[j++] = d1;
			if (j < N && d2 < Q)
				r[j++] = d2;
		}
	}
	return r;
}
function sampleCBD(PRF, seed, nonce, eta) {
	const buf = PRF((eta * N) / 4, seed, nonce);
	const r = new Uint16Array(N);
	const b32 = hashes_utils_u32(buf);
	let len = 0;
	for (let i = 0, p = 0, bb = 0, t0 = 0; i < b32.length; i++) {
		let b = b32[i];
		for (let j = 0; j < 32; j++) {
			bb += b & 1;
			b >>= 1;
			len += 1;
			if (len === eta) {
				t0 = bb;
				bb = 0;
			}
			else if (len === 2 * eta) {
				r[p++] = ml_kem_mod(t0 - bb);
				bb = 0;
				len = 0;
			}
		}
	}
	if (len)
		throw new Error(`sampleCBD: leftover bits: ${len}`);
	return r;
}
const genKPKE = (opts) => {
	const { K, PRF, XOF, HASH512, ETA1, ETA2, du, dv } = opts;
	const poly1 = polyCoder(1);
	const polyV = polyCoder(dv);
	const polyU = polyCoder(du);
	const publicCoder = splitCoder('publicKey', vecCoder(polyCoder(12), K), 32);
	const secretCoder = vecCoder(polyCoder(12), K);
	const cipherCoder = splitCoder('ciphertext', vecCoder(polyU, K), polyV);
	const seedCoder = splitCoder('seed', 32, 32);
	return {
		secretCoder,
		lengths: {
			secretKey: secretCoder.bytesLen,
			publicKey: publicCoder.bytesLen,
			cipherText: cipherCoder.bytesLen,
		},
		keygen: (seed) => {
			hashes_utils_abytes(seed, 32, 'seed');
			const seedDst = new Uint8Array(33);
			seedDst.set(seed);
			seedDst[32] = K;
			const seedHash = HASH512(seedDst);
			const [rho, sigma] = seedCoder.decode(seedHash);
			const sHat = [];
			const tHat = [];
			for (let i = 0; i < K; i++)
				sHat.push(NTT.encode(sampleCBD(PRF, sigma, i, ETA1)));
			const x = XOF(rho);
			for (let i = 0; i < K; i++) {
				const e = NTT.encode(sampleCBD(PRF, sigma, K + i, ETA1));
				for (let j = 0; j < K; j++) {
					const aji = SampleNTT(x.get(j, i));
					polyAdd(e, MultiplyNTTs(aji, sHat[j]));
				}
				tHat.push(e);
			}
			x.clean();
			const res = {
				publicKey: publicCoder.encode([tHat, rho]),
				secretKey: secretCoder.encode(sHat),
			};
			cleanBytes(rho, sigma, sHat, tHat, seedDst, seedHash);
			return res;
		},
		encrypt: (publicKey, msg, seed) => {
			const [tHat, rho] = publicCoder.decode(publicKey);
			const rHat = [];
			for (let i = 0; i < K; i++)
				rHat.push(NTT.encode(sampleCBD(PRF, seed, i, ETA1)));
			const x = XOF(rho);
			const tmp2 = new Uint16Array(N);
			const u = [];
			for (let i = 0; i < K; i++) {
				const e1 = sampleCBD(PRF, seed, K + i, ETA2);
				const tmp = new Uint16Array(N);
				for (let j = 0; j < K; j++) {
					const aij = SampleNTT(x.get(i, j));
					polyAdd(tmp, MultiplyNTTs(aij, rHat[j]));
				}
				polyAdd(e1, NTT.decode(tmp));
				u.push(e1);
				polyAdd(tmp2, MultiplyNTTs(tHat[i], rHat[i]));
				cleanBytes(tmp);
			}
			x.clean();
			const e2 = sampleCBD(PRF, seed, 2 * K, ETA2);
			polyAdd(e2, NTT.decode(tmp2));
			const v = poly1.decode(msg);
			polyAdd(v, e2);
			cleanBytes(tHat, rHat, tmp2, e2);
			return cipherCoder.encode([u, v]);
		},
		decrypt: (cipherText, privateKey) => {
			const [u, v] = cipherCoder.decode(cipherText);
			const sk = secretCoder.decode(privateKey);
			const tmp = new Uint16Array(N);
			for (let i = 0; i < K; i++)
				polyAdd(tmp, MultiplyNTTs(sk[i], NTT.encode(u[i])));
			polySub(v, NTT.decode(tmp));
			cleanBytes(tmp, sk, u);
			return poly1.encode(v);
		},
	};
};
function createKyber(opts) {
	const KPKE = genKPKE(opts);
	const { HASH256, HASH512, KDF } = opts;
	const { secretCoder: KPKESecretCoder, lengths } = KPKE;
	const secretCoder = splitCoder('secretKey', lengths.secretKey, lengths.publicKey, 32, 32);
	const msgLen = 32;
	const seedLen = 64;
	return {
		info: { type: 'ml-kem' },
		lengths: {
			...lengths,
			seed: 64,
			msg: msgLen,
			msgRand: msgLen,
			secretKey: secretCoder.bytesLen,
		},
		keygen: (seed = post_quantum_utils_randomBytes(seedLen)) => {
			hashes_utils_abytes(seed, seedLen, 'seed');
			const { publicKey, secretKey: sk } = KPKE.keygen(seed.subarray(0, 32));
			const publicKeyHash = HASH256(publicKey);
			const secretKey = secretCoder.encode([sk, publicKey, publicKeyHash, seed.subarray(32)]);
			cleanBytes(sk, publicKeyHash);
			return { publicKey, secretKey };
		},
		getPublicKey: (secretKey) => {
			const [_sk, publicKey, _publicKeyHash, _z] = secretCoder.decode(secretKey);
			return Uint8Array.from(publicKey);
		},
		encapsulate: (publicKey, msg = post_quantum_utils_randomBytes(msgLen)) => {
			hashes_utils_abytes(publicKey, lengths.publicKey, 'publicKey');
			hashes_utils_abytes(msg, msgLen, 'message');
			const eke = publicKey.subarray(0, 384 * opts.K);
			const ek = KPKESecretCoder.encode(KPKESecretCoder.decode(post_quantum_utils_copyBytes(eke)));
			if (!post_quantum_utils_equalBytes(ek, eke)) {
				cleanBytes(ek);
				throw new Error('ML-KEM.encapsulate: wrong publicKey modulus');
			}
			cleanBytes(ek);
			const kr = HASH512.create().update(msg).update(HASH256(publicKey)).digest();
			const cipherText = KPKE.encrypt(publicKey, msg, kr.subarray(32, 64));
			cleanBytes(kr.subarray(32));
			return { cipherText, sharedSecret: kr.subarray(0, 32) };
		},
		decapsulate: (cipherText, secretKey) => {
			hashes_utils_abytes(secretKey, secretCoder.bytesLen, 'secretKey');
			hashes_utils_abytes(cipherText, lengths.cipherText, 'cipherText');
			const k768 = secretCoder.bytesLen - 96;
			const start = k768 + 32;
			const test = HASH256(secretKey.subarray(k768 / 2, start));
			if (!post_quantum_utils_equalBytes(test, secretKey.subarray(start, start + 32)))
				throw new Error('invalid secretKey: hash check failed');
			const [sk, publicKey, publicKeyHash, z] = secretCoder.decode(secretKey);
			const msg = KPKE.decrypt(cipherText, sk);
			const kr = HASH512.create().update(msg).update(publicKeyHash).digest();
			const Khat = kr.subarray(0, 32);
			const cipherText2 = KPKE.encrypt(publicKey, msg, kr.subarray(32, 64));
			const isValid = post_quantum_utils_equalBytes(cipherText, cipherText2);
			const Kbar = KDF.create({ dkLen: 32 }).update(z).update(cipherText).digest();
			cleanBytes(msg, cipherText2, !isValid ? Khat : Kbar);
			return isValid ? Khat : Kbar;
		},
	};
}
function shakePRF(dkLen, key, nonce) {
	return sha3_shake256
		.create({ dkLen })
		.update(key)
		.update(new Uint8Array([nonce]))
		.digest();
}
const opts = {
	HASH256: sha3_256,
	HASH512: sha3_512,
	KDF: sha3_shake256,
	XOF: XOF128,
	PRF: shakePRF,
};
const ml_kem512 =   createKyber({
	...opts,
	...PARAMS[512],
});
const ml_kem768 =   createKyber({
	...opts,
	...PARAMS[768],
});
const ml_kem_ml_kem1024 =   createKyber({
	...opts,
	...PARAMS[1024],
});
;
function ecKeygen(curve, allowZeroKey = false) {
	const lengths = curve.lengths;
	let keygen = curve.keygen;
	if (allowZeroKey) {
		const wCurve = curve;
		const Fn = wCurve.Point.Fn;
		if (!Fn)
			throw new Error('No Point.Fn');
		keygen = (seed = post_quantum_utils_randomBytes(lengths.seed)) => {
			hashes_utils_abytes(seed, lengths.seed, 'seed');
			const seedScalar = Fn.isLE ? bytesToNumberLE(seed) : curves_utils_bytesToNumberBE(seed);
			const secretKey = Fn.toBytes(Fn.create(seedScalar));
			return { secretKey, publicKey: curve.getPublicKey(secretKey) };
		};
	}
	return {
		lengths: { secretKey: lengths.secretKey, publicKey: lengths.publicKey, seed: lengths.seed },
		keygen,
		getPublicKey: (secretKey) => curve.getPublicKey(secretKey),
	};
}
function ecdhKem(curve, allowZeroKey = false) {
	const kg = ecKeygen(curve, allowZeroKey);
	if (!curve.getSharedSecret)
		throw new Error('wrong curve');
	return {
		lengths: { ...kg.lengths, msg: kg.lengths.seed, cipherText: kg.lengths.publicKey },
		keygen: kg.keygen,
		getPublicKey: kg.getPublicKey,
		encapsulate(publicKey, rand = post_quantum_utils_randomBytes(curve.lengths.seed)) {
			const ek = this.keygen(rand).secretKey;
			const sharedSecret = this.decapsulate(publicKey, ek);
			const cipherText = curve.getPublicKey(ek);
			cleanBytes(ek);
			return { sharedSecret, cipherText };
		},
		decapsulate(cipherText, secretKey) {
			const res = curve.getSharedSecret(secretKey, cipherText);
			return curve.lengths.publicKeyHasPrefix ? res.subarray(1) : res;
		},
	};
}
function ecSigner(curve, allowZeroKey = false) {
	const kg = ecKeygen(curve, allowZeroKey);
	if (!curve.sign || !curve.verify)
		throw new Error('wrong curve');
	return {
		lengths: { ...kg.lengths, signature: curve.lengths.signature, signRand: 0 },
		keygen: kg.keygen,
		getPublicKey: kg.getPublicKey,
		sign: (message, secretKey) => curve.sign(message, secretKey),
		verify: (signature, message, publicKey) => curve.verify(signature, message, publicKey),
	};
}
function splitLengths(lst, name) {
	return splitCoder(name, ...lst.map((i) => {
		if (typeof i.lengths[name] !== 'number')
			throw new Error('wrong length: ' + name);
		return i.lengths[name];
	}));
}
function expandSeedXof(xof) {
	return (seed, seedLen) => xof(seed, { dkLen: seedLen });
}
function combineKeys(realSeedLen,
expandSeed, ...ck) {
	const seedCoder = splitLengths(ck, 'seed');
	const pkCoder = splitLengths(ck, 'publicKey');
	if (realSeedLen === undefined)
		realSeedLen = seedCoder.bytesLen;
	hashes_utils_anumber(realSeedLen);
	function expandDecapsulationKey(seed) {
		hashes_utils_abytes(seed, realSeedLen);
		const expanded = seedCoder.decode(expandSeed(seed, seedCoder.bytesLen));
		const keys = ck.map((i, j) => i.keygen(expanded[j]));
		const secretKey = keys.map((i) => i.secretKey);
		const publicKey = keys.map((i) => i.publicKey);
		return { secretKey, publicKey };
	}
	return {
		info: { lengths: { seed: realSeedLen, publicKey: pkCoder.bytesLen, secretKey: realSeedLen } },
		getPublicKey(secretKey) {
			return this.keygen(secretKey).publicKey;
		},
		keygen(seed = post_quantum_utils_randomBytes(realSeedLen)) {
			const { publicKey: pk, secretKey } = expandDecapsulationKey(seed);
			const publicKey = pkCoder.encode(pk);
			cleanBytes(pk);
			cleanBytes(secretKey);
			return { secretKey: seed, publicKey };
		},
		expandDecapsulationKey,
		realSeedLen,
	};
}
function combineKEMS(realSeedLen,
realMsgLen,
expandSeed, combiner, ...kems) {
	const keys = combineKeys(realSeedLen, expandSeed, ...kems);
	const ctCoder = splitLengths(kems, 'cipherText');
	const pkCoder = splitLengths(kems, 'publicKey');
	const msgCoder = splitLengths(kems, 'msg');
	if (realMsgLen === undefined)
		realMsgLen = msgCoder.bytesLen;
	hashes_utils_anumber(realMsgLen);
	return {
		lengths: {
			...keys.info.lengths,
			msg: realMsgLen,
			msgRand: msgCoder.bytesLen,
			cipherText: ctCoder.bytesLen,
		},
		getPublicKey: keys.getPublicKey,
		keygen: keys.keygen,
		encapsulate(pk, randomness = post_quantum_utils_randomBytes(msgCoder.bytesLen)) {
			const pks = pkCoder.decode(pk);
			const rand = msgCoder.decode(randomness);
			const enc = kems.map((i, j) => i.encapsulate(pks[j], rand[j]));
			const sharedSecret = enc.map((i) => i.sharedSecret);
			const cipherText = enc.map((i) => i.cipherText);
			const res = {
				sharedSecret: combiner(pks, cipherText, sharedSecret),
				cipherText: ctCoder.encode(cipherText),
			};
			cleanBytes(sharedSecret, cipherText);
			return res;
		},
		decapsulate(ct, seed) {
			const cts = ctCoder.decode(ct);
			const { publicKey, secretKey } = keys.expandDecapsulationKey(seed);
			const sharedSecret = kems.map((i, j) => i.decapsulate(cts[j], secretKey[j]));
			return combiner(publicKey, cts, sharedSecret);
		},
	};
}
function combineSigners(realSeedLen, expandSeed, ...signers) {
	const keys = combineKeys(realSeedLen, expandSeed, ...signers);
	const sigCoder = splitLengths(signers, 'signature');
	const pkCoder = splitLengths(signers, 'publicKey');
	return {
		lengths: { ...keys.info.lengths, signature: sigCoder.bytesLen, signRand: 0 },
		getPublicKey: keys.getPublicKey,
		keygen: keys.keygen,
		sign(message, seed) {
			const { secretKey } = keys.expandDecapsulationKey(seed);
			const sigs = signers.map((i, j) => i.sign(message, secretKey[j]));
			return sigCoder.encode(sigs);
		},
		verify: (signature, message, publicKey) => {
			const pks = pkCoder.decode(publicKey);
			const sigs = sigCoder.decode(signature);
			for (let i = 0; i < signers.length; i++) {
				if (!signers[i].verify(sigs[i], message, pks[i]))
					return false;
			}
			return true;
		},
	};
}
function QSF(label, pqc, curveKEM, xof, kdf) {
	utils_ahash(xof);
	utils_ahash(kdf);
	return combineKEMS(32, 32, expandSeedXof(xof), (pk, ct, ss) => kdf(hashes_utils_concatBytes(ss[0], ss[1], ct[1], pk[1], utils_asciiToBytes(label))), pqc, curveKEM);
}
const QSF_ml_kem768_p256 = QSF('QSF-KEM(ML-KEM-768,P-256)-XOF(SHAKE256)-KDF(SHA3-256)', ml_kem768, ecdhKem(p256, true), sha3_shake256, sha3_256);
const QSF_ml_kem1024_p384 = QSF('QSF-KEM(ML-KEM-1024,P-384)-XOF(SHAKE256)-KDF(SHA3-256)', ml_kem_ml_kem1024, ecdhKem(nist_p384, true), sha3_shake256, sha3_256);
function createKitchenSink(label, pqc, curveKEM, xof, hash) {
	utils_ahash(xof);
	utils_ahash(hash);
	return combineKEMS(32, 32, expandSeedXof(xof), (pk, ct, ss) => {
		const preimage = hashes_utils_concatBytes(ss[0], ss[1], ct[0], pk[0], ct[1], pk[1], utils_asciiToBytes(label));
		const len = 32;
		const ikm = hashes_utils_concatBytes(utils_asciiToBytes('hybrid_prk'), preimage);
		const prk = hashes_hkdf_extract(hash, ikm);
		const info = hashes_utils_concatBytes(utils_numberToBytesBE(len, 2), utils_asciiToBytes('shared_secret'), utils_asciiToBytes(''));
		const res = hkdf_expand(hash, prk, info, len);
		cleanBytes(prk, info, ikm, preimage);
		return res;
	}, pqc, curveKEM);
}
const x25519kem = ecdhKem(x25519);
const KitchenSink_ml_kem768_x25519 = createKitchenSink('KitchenSink-KEM(ML-KEM-768,X25519)-XOF(SHAKE256)-KDF(HKDF-SHA-256)', ml_kem768, x25519kem, sha3_shake256, hashes_sha2_sha256);
const ml_kem768_x25519 =   (() => combineKEMS(32, 32, expandSeedXof(sha3_shake256),
(pk, ct, ss) => sha3_256(hashes_utils_concatBytes(ss[0], ss[1], ct[1], pk[1], utils_asciiToBytes('\\.//^\\'))), ml_kem768, x25519kem))();
function nistCurveKem(curve, scalarLen, elemLen, nseed) {
	const Fn = curve.Point.Fn;
	if (!Fn)
		throw new Error('no Point.Fn');
	function rejectionSampling(seed) {
		let sk;
		for (let start = 0, end = scalarLen;; start = end, end += scalarLen) {
			if (end > seed.length)
				throw new Error('rejection sampling failed');
			sk = Fn.fromBytes(seed.subarray(start, end), true);
			if (Fn.isValidNot0(sk))
				break;
		}
		const secretKey = Fn.toBytes(Fn.create(sk));
		const publicKey = curve.getPublicKey(secretKey, false);
		return { secretKey, publicKey };
	}
	return {
		lengths: {
			secretKey: scalarLen,
			publicKey: elemLen,
			seed: nseed,
			msg: nseed,
			cipherText: elemLen,
		},
		keygen(seed = post_quantum_utils_randomBytes(nseed)) {
			hashes_utils_abytes(seed, nseed, 'seed');
			return rejectionSampling(seed);
		},
		getPublicKey(secretKey) {
			return curve.getPublicKey(secretKey, false);
		},
		encapsulate(publicKey, rand = post_quantum_utils_randomBytes(nseed)) {
			hashes_utils_abytes(rand, nseed, 'rand');
			const { secretKey: ek } = rejectionSampling(rand);
			const sharedSecret = this.decapsulate(publicKey, ek);
			const cipherText = curve.getPublicKey(ek, false);
			cleanBytes(ek);
			return { sharedSecret, cipherText };
		},
		decapsulate(cipherText, secretKey) {
			const full = curve.getSharedSecret(secretKey, cipherText);
			return full.subarray(1);
		},
	};
}
function concreteHybridKem(label, mlkem, curve, nseed) {
	const { secretKey: scalarLen, publicKeyUncompressed: elemLen } = curve.lengths;
	if (!scalarLen || !elemLen)
		throw new Error('wrong curve');
	const curveKem = nistCurveKem(curve, scalarLen, elemLen, nseed);
	const mlkemSeedLen = 64;
	const totalSeedLen = mlkemSeedLen + nseed;
	return combineKEMS(32, 32, (seed) => {
		hashes_utils_abytes(seed, 32);
		const expanded = sha3_shake256(seed, { dkLen: totalSeedLen });
		const mlkemSeed = expanded.subarray(0, mlkemSeedLen);
		const curveSeed = expanded.subarray(mlkemSeedLen, totalSeedLen);
		return hashes_utils_concatBytes(mlkemSeed, curveSeed);
	}, (pk, ct, ss) => sha3_256(hashes_utils_concatBytes(ss[0], ss[1], ct[1], pk[1], utils_asciiToBytes(label))), mlkem, curveKem);
}
const ml_kem768_p256 =   (() => concreteHybridKem('MLKEM768-P256', ml_kem768, p256, 128))();
const ml_kem1024_p384 =   (  null && ((() => concreteHybridKem('MLKEM1024-P384', ml_kem1024, p384, 48))()));
const XWing = (  null && (ml_kem768_x25519));
const MLKEM768X25519 = ml_kem768_x25519;
const MLKEM768P256 = ml_kem768_p256;
const MLKEM1024P384 = (  null && (ml_kem1024_p384));
const QSFMLKEM768P256 = (  null && (QSF_ml_kem768_p256));
const QSFMLKEM1024P384 = (  null && (QSF_ml_kem1024_p384));
const KitchenSinkMLKEM768X25519 = (  null && (KitchenSink_ml_kem768_x25519));
;
function curves_utils_aarray(item, title, inner = () => { }) {
	if (!Array.isArray(item))
		throw new TypeError(`"${title}" expected array, got type=${typeof item}`);
	for (let i = 0; i < item.length; i++)
		inner(item[i], `${title}[${i}]`);
	return item;
}
const curves_utils_abytes = (value, length, title) => utils_abytes(value, length, title);
const curves_utils_anumber = utils_anumber;
function astring(value, title = '') {
	if (typeof value !== 'string') {
		const prefix = title && `"${title}" `;
		throw new TypeError(prefix + 'expected string, got type=' + typeof value);
	}
	return value;
}
function curves_utils_aobject(value, title = 'object') {
	if (value === null || typeof value !== 'object' || Array.isArray(value))
		throw new TypeError(title === 'object'
			? 'expected valid options object'
			: `"${title}" expected object, got type=${typeof value}`);
	return value;
}
function afunction(value, title) {
	if (typeof value !== 'function')
		throw new TypeError(`"${title}" is invalid: expected function, got ${typeof value}`);
	return value;
}
const curves_utils_bytesToHex = bytesToHex;
const curves_utils_concatBytes = (...arrays) => utils_concatBytes(...arrays);
const curves_utils_hexToBytes = (hex) => hexToBytes(hex);
const curves_utils_isBytes = utils_isBytes;
const curves_utils_randomBytes = (bytesLength) => utils_randomBytes(bytesLength);
const curves_utils_0n =   BigInt(0);
const utils_1n =   BigInt(1);
const curves_utils_atitle = (title) => (title ? `"${title}" ` : '');
function _noble_curves_utils_abool(value, title = '') {
	if (typeof value !== 'boolean')
		throw new TypeError(curves_utils_atitle(title) + 'expected boolean, got type=' + typeof value);
	return value;
}
function curves_utils_abignumber(n) {
	if (typeof n === 'bigint') {
		if (!utils_isPosBig(n))
			throw new RangeError('positive bigint expected, got ' + n);
	}
	else
		curves_utils_anumber(n);
	return n;
}
function curves_utils_asafenumber(value, title = '') {
	if (typeof value !== 'number') {
		const prefix = title && `"${title}" `;
		throw new TypeError(prefix + 'expected number, got type=' + typeof value);
	}
	if (!Number.isSafeInteger(value)) {
		const prefix = title && `"${title}" `;
		throw new RangeError(prefix + 'expected safe integer, got ' + value);
	}
}
function utils_numberToHexUnpadded(num) {
	const hex = curves_utils_abignumber(num).toString(16);
	return hex.length & 1 ? '0' + hex : hex;
}
function curves_utils_hexToNumber(hex) {
	if (typeof hex !== 'string')
		throw new TypeError('hex string expected, got ' + typeof hex);
	return hex === '' ? curves_utils_0n : BigInt('0x' + hex);
}
function _noble_curves_utils_bytesToNumberBE(bytes) {
	return curves_utils_hexToNumber(bytesToHex(bytes));
}
function utils_bytesToNumberLE(bytes) {
	return curves_utils_hexToNumber(bytesToHex(_noble_curves_utils_copyBytes(utils_abytes(bytes)).reverse()));
}
function curves_utils_numberToBytesBE(n, len) {
	utils_anumber(len);
	if (len === 0)
		throw new Error('zero output length is invalid');
	n = curves_utils_abignumber(n);
	const expectedLen = len * 2;
	const hex = n.toString(16);
	if (hex.length > expectedLen)
		throw new RangeError('number is too large');
	return hexToBytes(hex.padStart(expectedLen, '0'));
}
function utils_numberToBytesLE(n, len) {
	return curves_utils_numberToBytesBE(n, len).reverse();
}
function utils_numberToVarBytesBE(n) {
	return hexToBytes_(utils_numberToHexUnpadded(curves_utils_abignumber(n)));
}
function curves_utils_equalBytes(a, b) {
	a = curves_utils_abytes(a);
	b = curves_utils_abytes(b);
	if (a.length !== b.length)
		return false;
	let diff = 0;
	for (let i = 0; i < a.length; i++)
		diff |= a[i] ^ b[i];
	return diff === 0;
}
function _noble_curves_utils_copyBytes(bytes) {
	return Uint8Array.from(curves_utils_abytes(bytes));
}
function curves_utils_asciiToBytes(ascii) {
	if (typeof ascii !== 'string')
		throw new TypeError('ascii string expected, got ' + typeof ascii);
	return Uint8Array.from(ascii, (c, i) => {
		const charCode = c.charCodeAt(0);
		if (c.length !== 1 || charCode > 127) {
			throw new RangeError(`string contains non-ASCII character "${ascii[i]}" with code ${charCode} at position ${i}`);
		}
		return charCode;
	});
}
function utils_isPosBig(n) {
	return typeof n === 'bigint' && curves_utils_0n <= n;
}
function utils_inRange(n, min, max) {
	return utils_isPosBig(n) && utils_isPosBig(min) && utils_isPosBig(max) && min <= n && n < max;
}
function utils_aInRange(title, n, min, max) {
	if (!utils_inRange(n, min, max))
		throw new RangeError('expected valid ' + title + ': ' + min + ' <= n < ' + max + ', got ' + n);
}
function curves_utils_bitLen(n) {
	if (n < curves_utils_0n)
		throw new Error('expected non-negative bigint, got ' + n);
	return n === curves_utils_0n ? 0 : n.toString(2).length;
}
function utils_bitGet(n, pos) {
	if (typeof n !== 'bigint')
		throw new TypeError('"n" expected bigint, got type=' + typeof n);
	curves_utils_asafenumber(pos, 'pos');
	return (n >> BigInt(pos)) & utils_1n;
}
function utils_bitSet(n, pos, value) {
	if (typeof n !== 'bigint')
		throw new TypeError('"n" expected bigint, got type=' + typeof n);
	curves_utils_asafenumber(pos, 'pos');
	_noble_curves_utils_abool(value, 'value');
	const mask = utils_1n << BigInt(pos);
	return value ? n | mask : n & ~mask;
}
const curves_utils_bitMask = (n) => {
	curves_utils_asafenumber(n, 'n');
	return (utils_1n << BigInt(n)) - utils_1n;
};
function utils_createHmacDrbg(hashLen, qByteLen, hmacFn) {
	utils_anumber(hashLen, 'hashLen');
	utils_anumber(qByteLen, 'qByteLen');
	if (typeof hmacFn !== 'function')
		throw new TypeError('hmacFn must be a function');
	const u8n = (len) => new Uint8Array(len);
	const NULL = Uint8Array.of();
	const byte0 = Uint8Array.of(0x00);
	const byte1 = Uint8Array.of(0x01);
	const _maxDrbgIters = 1000;
	let v = u8n(hashLen);
	let k = u8n(hashLen);
	let i = 0;
	const reset = () => {
		v.fill(1);
		k.fill(0);
		i = 0;
	};
	const h = (...msgs) => hmacFn(k, curves_utils_concatBytes(v, ...msgs));
	const reseed = (seed = NULL) => {
		k = h(byte0, seed);
		v = h();
		if (seed.length === 0)
			return;
		k = h(byte1, seed);
		v = h();
	};
	const gen = () => {
		if (i++ >= _maxDrbgIters)
			throw new Error('drbg: tried max amount of iterations');
		let len = 0;
		const out = [];
		while (len < qByteLen) {
			v = h();
			const sl = v.slice();
			out.push(sl);
			len += v.length;
		}
		return curves_utils_concatBytes(...out);
	};
	const genUntil = (seed, pred) => {
		reset();
		reseed(seed);
		let res = undefined;
		while ((res = pred(gen())) === undefined)
			reseed();
		reset();
		return res;
	};
	return genUntil;
}
function _noble_curves_utils_validateObject(object, fields = {}, optFields = {}, title = 'object') {
	curves_utils_aobject(object, title);
	curves_utils_aobject(fields, 'fields');
	curves_utils_aobject(optFields, 'optFields');
	function checkField(fieldName, expectedType, isOpt) {
		const label = title === 'object' ? `param "${String(fieldName)}"` : `"${title}.${String(fieldName)}"`;
		const val = object[fieldName];
		if (!Object.hasOwn(object, fieldName) &&
			(isOpt ? val !== undefined : expectedType !== 'function')) {
			throw new TypeError(`${label} is invalid: expected own property`);
		}
		if (isOpt && val === undefined)
			return;
		const current = typeof val;
		if (current !== expectedType || val === null)
			throw new TypeError(`${label} is invalid: expected ${expectedType}, got ${current}`);
	}
	const iter = (f, isOpt) => Object.entries(f).forEach(([k, v]) => checkField(k, v, isOpt));
	iter(fields, false);
	iter(optFields, true);
}
const utils_notImplemented = () => {
	throw new Error('not implemented');
};
;
const abstract_modular_0n =   BigInt(0), abstract_modular_1n =   BigInt(1), modular_2n =   BigInt(2);
const modular_3n =   BigInt(3), modular_4n =   BigInt(4), modular_5n =   BigInt(5);
const modular_7n =   BigInt(7), modular_8n =   BigInt(8), modular_9n =   BigInt(9);
const _15n =   BigInt(15), modular_16n =   BigInt(16);
const POW_WINDOWED_MIN =   BigInt('0x10000000000000000');
function abstract_modular_mod(a, b) {
	if (b <= abstract_modular_0n)
		throw new Error('mod: expected positive modulus, got ' + b);
	const result = a % b;
	return result >= abstract_modular_0n ? result : b + result;
}
function modular_pow(num, power, modulo) {
	if (modulo <= abstract_modular_1n)
		throw new Error('pow: expected modulus > 1, got ' + modulo);
	if (typeof power !== 'bigint')
		throw new TypeError('invalid exponent: expected bigint, got ' + typeof power);
	if (power < abstract_modular_0n)
		throw new Error('invalid exponent, negatives unsupported');
	if (power === abstract_modular_0n)
		return abstract_modular_1n;
	if (power === abstract_modular_1n)
		return num;
	let d = num % modulo;
	if (d < abstract_modular_0n)
		d += modulo;
	if (power < POW_WINDOWED_MIN) {
		let p = abstract_modular_1n;
		while (power > abstract_modular_0n) {
			if (power & abstract_modular_1n)
				p = (p * d) % modulo;
			d = (d * d) % modulo;
			power >>= abstract_modular_1n;
		}
		return p;
	}
	const digits = [];
	while (power > abstract_modular_0n) {
		digits.push(Number(power & _15n));
		power >>= modular_4n;
	}
	const table = new Array(16);
	table[0] = abstract_modular_1n;
	table[1] = d;
	for (let i = 2; i < 16; i++)
		table[i] = (table[i - 1] * d) % modulo;
	let p = table[digits[digits.length - 1]];
	for (let w = digits.length - 2; w >= 0; w--) {
		p = (p * p) % modulo;
		p = (p * p) % modulo;
		p = (p * p) % modulo;
		p = (p * p) % modulo;
		const digit = digits[w];
		if (digit !== 0)
			p = (p * table[digit]) % modulo;
	}
	return p;
}
function modular_pow2(x, power, modulo) {
	if (modulo <= abstract_modular_1n)
		throw new Error('pow2: expected modulus > 1, got ' + modulo);
	if (power < abstract_modular_0n)
		throw new Error('pow2: expected non-negative exponent, got ' + power);
	let res = x;
	while (power-- > abstract_modular_0n) {
		res *= res;
		res %= modulo;
	}
	return res;
}
function modular_invert(number, modulo) {
	if (number === abstract_modular_0n)
		throw new Error('invert: expected non-zero number');
	if (modulo <= abstract_modular_1n)
		throw new Error('invert: expected modulus > 1, got ' + modulo);
	let a = abstract_modular_mod(number, modulo);
	let b = modulo;
	let x = abstract_modular_0n, u = abstract_modular_1n;
	while (a !== abstract_modular_0n) {
		const q = b / a;
		const r = b - a * q;
		const m = x - u * q;
		b = a, a = r, x = u, u = m;
	}
	const gcd = b;
	if (gcd !== abstract_modular_1n)
		throw new Error('invert: does not exist');
	return abstract_modular_mod(x, modulo);
}
function invertCt(a, prime) {
	if (prime <= abstract_modular_1n)
		throw new Error('invertCt: expected prime modulus > 1, got ' + prime);
	const an = abstract_modular_mod(a, prime);
	if (an === abstract_modular_0n)
		throw new Error('invertCt: expected non-zero number');
	const inverse = modular_pow(an, prime - modular_2n, prime);
	if (abstract_modular_mod(an * inverse, prime) !== abstract_modular_1n)
		throw new Error('invertCt: does not exist');
	return inverse;
}
function modular_assertIsSquare(Fp, root, n) {
	const F = Fp;
	if (!F.eql(F.sqr(root), n))
		throw new Error('Cannot find square root');
}
function aoddModulus(order, fnName) {
	if ((order & abstract_modular_1n) === abstract_modular_0n)
		throw new Error(fnName + ': expected odd modulus, got ' + order);
}
function modular_sqrt3mod4(Fp, n) {
	const F = Fp;
	const p1div4 = (F.ORDER + abstract_modular_1n) / modular_4n;
	const root = F.pow(n, p1div4);
	modular_assertIsSquare(F, root, n);
	return root;
}
function modular_sqrt5mod8(Fp, n) {
	const F = Fp;
	const p5div8 = (F.ORDER - modular_5n) / modular_8n;
	const n2 = F.mul(n, modular_2n);
	const v = F.pow(n2, p5div8);
	const nv = F.mul(n, v);
	const i = F.mul(F.mul(nv, modular_2n), v);
	const root = F.mul(nv, F.sub(i, F.ONE));
	modular_assertIsSquare(F, root, n);
	return root;
}
function modular_sqrt9mod16(P) {
	const Fp_ = abstract_modular_Field(P);
	const tn = modular_tonelliShanks(P);
	const c1 = tn(Fp_, Fp_.neg(Fp_.ONE));
	const c2 = tn(Fp_, c1);
	const c3 = tn(Fp_, Fp_.neg(c1));
	const c4 = (P + modular_7n) / modular_16n;
	return ((Fp, n) => {
		const F = Fp;
		let tv1 = F.pow(n, c4);
		let tv2 = F.mul(tv1, c1);
		const tv3 = F.mul(tv1, c2);
		const tv4 = F.mul(tv1, c3);
		const e1 = F.eql(F.sqr(tv2), n);
		const e2 = F.eql(F.sqr(tv3), n);
		tv1 = F.cmov(tv1, tv2, e1);
		tv2 = F.cmov(tv4, tv3, e2);
		const e3 = F.eql(F.sqr(tv2), n);
		const root = F.cmov(tv1, tv2, e3);
		modular_assertIsSquare(F, root, n);
		return root;
	});
}
function modular_tonelliShanks(P) {
	if (P < modular_3n)
		throw new Error('sqrt is not defined for small field');
	aoddModulus(P, 'tonelliShanks');
	let Q = P - abstract_modular_1n;
	let S = 0;
	while (Q % modular_2n === abstract_modular_0n) {
		Q /= modular_2n;
		S++;
	}
	let Z = modular_2n;
	const _Fp = abstract_modular_Field(P);
	while (modular_FpLegendre(_Fp, Z) === 1) {
		if (Z++ > 1000)
			throw new Error('Cannot find square root: probably non-prime P');
	}
	if (S === 1)
		return modular_sqrt3mod4;
	let cc = _Fp.pow(Z, Q);
	const Q1div2 = (Q + abstract_modular_1n) / modular_2n;
	return function tonelliSlow(Fp, n) {
		const F = Fp;
		if (F.is0(n))
			return n;
		if (modular_FpLegendre(F, n) !== 1)
			throw new Error('Cannot find square root');
		let M = S;
		let c = F.mul(F.ONE, cc);
		let t = F.pow(n, Q);
		let R = F.pow(n, Q1div2);
		while (!F.eql(t, F.ONE)) {
			if (F.is0(t))
				throw new Error('Cannot find square root: probably non-prime P');
			let i = 1;
			let t_tmp = F.sqr(t);
			while (!F.eql(t_tmp, F.ONE)) {
				i++;
				t_tmp = F.sqr(t_tmp);
				if (i === M)
					throw new Error('Cannot find square root');
			}
			const exponent = abstract_modular_1n << BigInt(M - i - 1);
			const b = F.pow(c, exponent);
			M = i;
			c = F.sqr(b);
			t = F.mul(t, c);
			R = F.mul(R, b);
		}
		return R;
	};
}
function modular_FpSqrt(P) {
	aoddModulus(P, 'Fp.sqrt');
	if (P % modular_4n === modular_3n)
		return modular_sqrt3mod4;
	if (P % modular_8n === modular_5n)
		return modular_sqrt5mod8;
	if (P % modular_16n === modular_9n)
		return modular_sqrt9mod16(P);
	return modular_tonelliShanks(P);
}
const modular_isNegativeLE = (num, modulo) => (abstract_modular_mod(num, modulo) & abstract_modular_1n) === abstract_modular_1n;
const modular_FIELD_FIELDS = [
	'create', 'isValid', 'is0', 'neg', 'inv', 'sqrt', 'sqr',
	'eql', 'add', 'sub', 'mul', 'pow', 'div',
	'addN', 'subN', 'mulN', 'sqrN'
];
function abstract_modular_validateField(field) {
	curves_utils_aobject(field, 'field');
	if (typeof field.ORDER !== 'bigint')
		throw new TypeError('param "ORDER" is invalid: expected bigint, got ' + typeof field.ORDER);
	curves_utils_asafenumber(field.BYTES, 'BYTES');
	curves_utils_asafenumber(field.BITS, 'BITS');
	for (const name of modular_FIELD_FIELDS)
		afunction(field[name], 'field.' + name);
	if (field.BYTES < 1 || field.BITS < 1)
		throw new Error('invalid field: expected BYTES/BITS > 0');
	if (field.ORDER <= abstract_modular_1n)
		throw new Error('invalid field: expected ORDER > 1, got ' + field.ORDER);
	return field;
}
function modular_FpPow(Fp, num, power) {
	abstract_modular_validateField(Fp);
	const F = Fp;
	if (typeof power !== 'bigint')
		throw new TypeError('invalid exponent: expected bigint, got ' + typeof power);
	if (power < abstract_modular_0n)
		throw new Error('invalid exponent, negatives unsupported');
	if (power === abstract_modular_0n)
		return F.ONE;
	if (power === abstract_modular_1n)
		return num;
	if (power < POW_WINDOWED_MIN) {
		let p = F.ONE;
		let d = num;
		while (power > abstract_modular_0n) {
			if (power & abstract_modular_1n)
				p = F.mul(p, d);
			d = F.sqr(d);
			power >>= abstract_modular_1n;
		}
		return p;
	}
	const digits = [];
	while (power > abstract_modular_0n) {
		digits.push(Number(power & _15n));
		power >>= modular_4n;
	}
	const table = new Array(16);
	table[0] = F.ONE;
	table[1] = num;
	for (let i = 2; i < 16; i++)
		table[i] = F.mul(table[i - 1], num);
	let p = table[digits[digits.length - 1]];
	for (let w = digits.length - 2; w >= 0; w--) {
		p = F.sqr(F.sqr(F.sqr(F.sqr(p))));
		const digit = digits[w];
		if (digit !== 0)
			p = F.mul(p, table[digit]);
	}
	return p;
}
function abstract_modular_FpInvertBatch(Fp, nums, passZero = false) {
	abstract_modular_validateField(Fp);
	curves_utils_aarray(nums, 'nums');
	_noble_curves_utils_abool(passZero, 'passZero');
	const F = Fp;
	const inverted = new Array(nums.length).fill(passZero ? F.ZERO : undefined);
	const multipliedAcc = nums.reduce((acc, num, i) => {
		if (F.is0(num))
			return acc;
		inverted[i] = acc;
		return F.mul(acc, num);
	}, F.ONE);
	const invertedAcc = F.inv(multipliedAcc);
	nums.reduceRight((acc, num, i) => {
		if (F.is0(num))
			return acc;
		inverted[i] = F.mul(acc, inverted[i]);
		return F.mul(acc, num);
	}, invertedAcc);
	return inverted;
}
function modular_FpDiv(Fp, lhs, rhs) {
	abstract_modular_validateField(Fp);
	const F = Fp;
	return F.mul(lhs, typeof rhs === 'bigint' ? modular_invert(rhs, F.ORDER) : F.inv(rhs));
}
function modular_FpLegendre(Fp, n) {
	abstract_modular_validateField(Fp);
	const F = Fp;
	aoddModulus(F.ORDER, 'FpLegendre');
	const p1mod2 = (F.ORDER - abstract_modular_1n) / modular_2n;
	const powered = F.pow(n, p1mod2);
	const yes = F.eql(powered, F.ONE);
	const zero = F.eql(powered, F.ZERO);
	const no = F.eql(powered, F.neg(F.ONE));
	if (!yes && !zero && !no)
		throw new Error('invalid Legendre symbol result');
	return yes ? 1 : zero ? 0 : -1;
}
function abstract_modular_FpIsSquare(Fp, n) {
	const l = modular_FpLegendre(Fp, n);
	return l !== -1;
}
function modular_nLength(n, nBitLength) {
	if (nBitLength !== undefined)
		curves_utils_anumber(nBitLength);
	if (n <= abstract_modular_0n)
		throw new Error('invalid n length: expected positive n, got ' + n);
	if (nBitLength !== undefined && nBitLength < 1)
		throw new Error('invalid n length: expected positive bit length, got ' + nBitLength);
	const bits = curves_utils_bitLen(n);
	if (nBitLength !== undefined && nBitLength < bits)
		throw new Error(`invalid n length: expected nBitLength (${nBitLength}) >= bitLen(n) (${bits})`);
	const _nBitLength = nBitLength !== undefined ? nBitLength : bits;
	const nByteLength = Math.ceil(_nBitLength / 8);
	return { nBitLength: _nBitLength, nByteLength };
}
const FIELD_SQRT = new WeakMap();
class modular_Field {
	ORDER;
	BITS;
	BYTES;
	isLE;
	ZERO = abstract_modular_0n;
	ONE = abstract_modular_1n;
	_lengths;
	_mod;
	constructor(ORDER, opts = {}) {
		if (ORDER <= abstract_modular_1n)
			throw new Error('invalid field: expected ORDER > 1, got ' + ORDER);
		let _nbitLength = undefined;
		this.isLE = false;
		if (opts != null && typeof opts === 'object') {
			if (typeof opts.BITS === 'number')
				_nbitLength = opts.BITS;
			if (typeof opts.sqrt === 'function')
				Object.defineProperty(this, 'sqrt', { value: opts.sqrt, enumerable: true });
			if (typeof opts.isLE === 'boolean')
				this.isLE = opts.isLE;
			if (opts.allowedLengths)
				this._lengths = Object.freeze(opts.allowedLengths.slice());
			if (typeof opts.modFromBytes === 'boolean')
				this._mod = opts.modFromBytes;
		}
		const { nBitLength, nByteLength } = modular_nLength(ORDER, _nbitLength);
		if (nByteLength > 2048)
			throw new Error('invalid field: expected ORDER of <= 2048 bytes');
		this.ORDER = ORDER;
		this.BITS = nBitLength;
		this.BYTES = nByteLength;
		Object.freeze(this);
	}
	create(num) {
		return abstract_modular_mod(num, this.ORDER);
	}
	isValid(num) {
		if (typeof num !== 'bigint')
			throw new TypeError('invalid field element: expected bigint, got ' + typeof num);
		return abstract_modular_0n <= num && num < this.ORDER;
	}
	is0(num) {
		return num === abstract_modular_0n;
	}
	isValidNot0(num) {
		return !this.is0(num) && this.isValid(num);
	}
	isOdd(num) {
		return (num & abstract_modular_1n) === abstract_modular_1n;
	}
	neg(num) {
		return abstract_modular_mod(-num, this.ORDER);
	}
	eql(lhs, rhs) {
		return lhs === rhs;
	}
	sqr(num) {
		return abstract_modular_mod(num * num, this.ORDER);
	}
	add(lhs, rhs) {
		return abstract_modular_mod(lhs + rhs, this.ORDER);
	}
	sub(lhs, rhs) {
		return abstract_modular_mod(lhs - rhs, this.ORDER);
	}
	mul(lhs, rhs) {
		return abstract_modular_mod(lhs * rhs, this.ORDER);
	}
	pow(num, power) {
		return modular_pow(num, power, this.ORDER);
	}
	div(lhs, rhs) {
		return abstract_modular_mod(lhs * modular_invert(rhs, this.ORDER), this.ORDER);
	}
	sqrN(num) {
		return num * num;
	}
	addN(lhs, rhs) {
		return lhs + rhs;
	}
	subN(lhs, rhs) {
		return lhs - rhs;
	}
	mulN(lhs, rhs) {
		return lhs * rhs;
	}
	inv(num) {
		return modular_invert(num, this.ORDER);
	}
	sqrt(num) {
		let sqrt = FIELD_SQRT.get(this);
		if (!sqrt)
			FIELD_SQRT.set(this, (sqrt = modular_FpSqrt(this.ORDER)));
		return sqrt(this, num);
	}
	toBytes(num) {
		return this.isLE ? utils_numberToBytesLE(num, this.BYTES) : curves_utils_numberToBytesBE(num, this.BYTES);
	}
	fromBytes(bytes, skipValidation = false) {
		curves_utils_abytes(bytes);
		const { _lengths: allowedLengths, BYTES, isLE, ORDER, _mod: modFromBytes } = this;
		if (allowedLengths) {
			if (bytes.length < 1 || !allowedLengths.includes(bytes.length) || bytes.length > BYTES) {
				throw new Error('Field.fromBytes: expected ' + allowedLengths + ' bytes, got ' + bytes.length);
			}
			const padded = new Uint8Array(BYTES);
			padded.set(bytes, isLE ? 0 : padded.length - bytes.length);
			bytes = padded;
		}
		if (bytes.length !== BYTES)
			throw new Error('Field.fromBytes: expected ' + BYTES + ' bytes, got ' + bytes.length);
		let scalar = isLE ? utils_bytesToNumberLE(bytes) : _noble_curves_utils_bytesToNumberBE(bytes);
		if (modFromBytes)
			scalar = abstract_modular_mod(scalar, ORDER);
		if (!skipValidation)
			if (!this.isValid(scalar))
				throw new Error('invalid field element: outside of range 0..ORDER');
		return scalar;
	}
	invertBatch(lst) {
		return abstract_modular_FpInvertBatch(this, lst, true);
	}
	cmov(a, b, condition) {
		_noble_curves_utils_abool(condition, 'condition');
		return condition ? b : a;
	}
}
function abstract_modular_Field(ORDER, opts = {}) {
	Object.freeze(modular_Field.prototype);
	return new modular_Field(ORDER, opts);
}
function modular_FpSqrtOdd(Fp, elm) {
	abstract_modular_validateField(Fp);
	const F = Fp;
	if (!F.isOdd)
		throw new Error("Field doesn't have isOdd");
	const root = F.sqrt(elm);
	return F.isOdd(root) ? root : F.neg(root);
}
function abstract_modular_FpSqrtEven(Fp, elm) {
	abstract_modular_validateField(Fp);
	const F = Fp;
	if (!F.isOdd)
		throw new Error("Field doesn't have isOdd");
	const root = F.sqrt(elm);
	return F.isOdd(root) ? F.neg(root) : root;
}
function modular_getFieldBytesLength(fieldOrder) {
	if (typeof fieldOrder !== 'bigint')
		throw new Error('field order must be bigint');
	if (fieldOrder <= abstract_modular_1n)
		throw new Error('field order must be greater than 1');
	const bitLength = curves_utils_bitLen(fieldOrder - abstract_modular_1n);
	return Math.ceil(bitLength / 8);
}
function modular_getMinHashLength(fieldOrder) {
	const length = modular_getFieldBytesLength(fieldOrder);
	return length + Math.ceil(length / 2);
}
function modular_mapHashToField(key, fieldOrder, isLE = false) {
	curves_utils_abytes(key);
	const len = key.length;
	const fieldLen = modular_getFieldBytesLength(fieldOrder);
	const minLen = Math.max(modular_getMinHashLength(fieldOrder), 16);
	if (len < minLen || len > 1024)
		throw new Error('expected ' + minLen + '-1024 bytes of input, got ' + len);
	const num = isLE ? utils_bytesToNumberLE(key) : _noble_curves_utils_bytesToNumberBE(key);
	const reduced = abstract_modular_mod(num, fieldOrder - abstract_modular_1n) + abstract_modular_1n;
	return isLE ? utils_numberToBytesLE(reduced, fieldLen) : curves_utils_numberToBytesBE(reduced, fieldLen);
}
;
const abstract_curve_0n =   BigInt(0);
const abstract_curve_1n =   BigInt(1);
const curve_4n =   BigInt(4);
const BLIND_BYTES = 16;
const BLIND_BITS = 128;
const FW_WINDOW = 5;
const TABLE_BYTES_MAX =   (() => 2 ** 31)();
function validatePointCons(Point) {
	const pc = Point;
	if (typeof pc !== 'function')
		throw new TypeError('"Point" expected constructor, got type=' + typeof Point);
	afunction(pc.fromAffine, 'Point.fromAffine');
	afunction(pc.fromBytes, 'Point.fromBytes');
	afunction(pc.fromHex, 'Point.fromHex');
	curves_utils_aobject(pc.BASE, 'Point.BASE');
	curves_utils_aobject(pc.ZERO, 'Point.ZERO');
	abstract_modular_validateField(pc.Fp);
	abstract_modular_validateField(pc.Fn);
}
function curve_normalizeZ(c, points) {
	validatePointCons(c);
	curve_validateMSMPoints(points, c);
	const invertedZs = abstract_modular_FpInvertBatch(c.Fp, points.map((p) => p.Z));
	return points.map((p, i) => c.fromAffine(p.toAffine(invertedZs[i])));
}
function curve_validateW(W, bits, min = 1) {
	if (!Number.isSafeInteger(W) || W < min || W > bits)
		throw new Error('invalid window size, expected [' + min + '..' + bits + '], got W=' + W);
}
function validateTableBytes(numPoints, fpBytes) {
	const bytes = numPoints * (4 * fpBytes + 128);
	if (bytes > TABLE_BYTES_MAX)
		throw new Error('invalid window size: table would need ~' +
			Math.ceil(bytes / 2 ** 20) +
			' MiB, max ' +
			TABLE_BYTES_MAX / 2 ** 20 +
			' MiB');
}
function probeRandomBytes(randomBytes, length) {
	if (randomBytes === undefined)
		return undefined;
	afunction(randomBytes, 'randomBytes');
	try {
		const probe = randomBytes(length);
		if (!curves_utils_isBytes(probe) || probe.length !== length)
			return undefined;
	}
	catch {
		return undefined;
	}
	return randomBytes;
}
function curve_validateMSMPoints(points, c) {
	curves_utils_aarray(points, 'points');
	points.forEach((p, i) => {
		if (!(p instanceof c))
			throw new Error('invalid point at index ' + i);
	});
}
function curve_validateMSMScalars(scalars, field, maxScalar) {
	if (!Array.isArray(scalars))
		throw new Error('array of scalars expected');
	scalars.forEach((s, i) => {
		const ok = maxScalar === undefined ? field.isValid(s) : utils_isPosBig(s) && s < maxScalar;
		if (!ok)
			throw new Error('invalid scalar at index ' + i);
	});
}
const curve_pointWindowSizes = new WeakMap();
function getWindowSize(P) {
	return curve_pointWindowSizes.get(P) || 1;
}
function oddMultiples(p, size) {
	const dbl = p.double();
	const t = [p];
	for (let j = 1; j < size; j++)
		t.push(t[j - 1].add(dbl));
	return t;
}
function wnafDigits(n, W) {
	const size = 2 ** W;
	const half = size / 2;
	const mask = BigInt(size - 1);
	const d = [];
	while (n > abstract_curve_0n) {
		let w = 0;
		if (n & abstract_curve_1n) {
			w = Number(n & mask);
			if (w >= half)
				w -= size;
			n -= BigInt(w);
		}
		d.push(w);
		n >>= abstract_curve_1n;
	}
	return d;
}
function signedWindowDigits(n, W, windows) {
	const size = 2 ** W;
	const half = size / 2;
	const mask = BigInt(size - 1);
	const shiftBy = BigInt(W);
	const d = [];
	for (let w = 0; w < windows; w++) {
		let v = Number(n & mask);
		n >>= shiftBy;
		if (v > half) {
			v -= size;
			n += abstract_curve_1n;
		}
		d.push(v);
	}
	if (n !== abstract_curve_0n)
		throw new Error('invalid wnaf');
	return d;
}
function wnafWalk(zero, tables, digits) {
	let max = 0;
	for (const d of digits)
		max = Math.max(max, d.length);
	let acc = zero;
	for (let bit = max - 1; bit >= 0; bit--) {
		if (bit !== max - 1)
			acc = acc.double();
		for (let i = 0; i < digits.length; i++) {
			const w = digits[i][bit];
			if (w) {
				const item = tables[i][(Math.abs(w) - 1) >> 1];
				acc = acc.add(w < 0 ? item.negate() : item);
			}
		}
	}
	return acc;
}
class ScalarMultiplier {
	Point;
	BASE;
	ZERO;
	randomBytes;
	wnafPrecomputes = new WeakMap();
	baseCanBeBlinded;
	bits;
	constructor(Point, randomBytes) {
		validatePointCons(Point);
		this.randomBytes = probeRandomBytes(randomBytes, BLIND_BYTES);
		this.Point = Point;
		this.BASE = Point.BASE;
		this.ZERO = Point.ZERO;
		this.bits = Point.Fn.BITS;
	}
	buildWnafTable(point, W, bits) {
		const windows = Math.ceil(bits / W) + 1;
		const half = 2 ** (W - 1);
		const comp = [];
		let base = point;
		for (let w = 0; w < windows; w++) {
			let acc = base;
			for (let i = 0; i < half; i++) {
				comp.push(acc);
				acc = acc.add(base);
			}
			base = comp[comp.length - 1].double();
		}
		return { W, bits, windows, comp };
	}
	wnafCachedCT(precomputes, n) {
		const { W, windows, comp } = precomputes;
		const half = 2 ** (W - 1);
		const digits = signedWindowDigits(n, W, windows);
		let p = this.ZERO;
		let f = this.BASE;
		for (let w = 0; w < windows; w++) {
			const digit = digits[w];
			const start = w * half;
			const idx = Math.abs(digit) - 1;
			let sel = comp[start];
			for (let i = 1; i < half; i++)
				sel = i === idx ? comp[start + i] : sel;
			const neg = sel.negate();
			if (digit === 0)
				f = f.add(comp[start]);
			else
				p = p.add(digit < 0 ? neg : sel);
		}
		return { p, f };
	}
	getWnafPrecomputes(W, point, bits, transform) {
		let entries = this.wnafPrecomputes.get(point);
		let comp = entries?.find((entry) => entry.W === W && entry.bits === bits);
		if (!comp) {
			comp = this.buildWnafTable(point, W, bits);
			if (typeof transform === 'function')
				comp = { ...comp, comp: transform(comp.comp) };
			if (!entries) {
				entries = [];
				this.wnafPrecomputes.set(point, entries);
			}
			entries.push(comp);
		}
		return comp;
	}
	assertPoint(point) {
		if (!(point instanceof this.Point))
			throw new TypeError('"point" expected Point instance, got type=' + typeof point);
	}
	validateMulInput(point, scalar) {
		this.assertPoint(point);
		if (!utils_inRange(scalar, abstract_curve_1n, this.Point.Fn.ORDER))
			throw new Error('invalid scalar');
	}
	runCT(point, n, bits, transform) {
		const W = getWindowSize(point);
		if (W === 1)
			return this.fixedWindowCT(point, n, bits);
		return this.wnafCachedCT(this.getWnafPrecomputes(W, point, bits, transform), n);
	}
	mulCT(point, scalar, transform) {
		this.validateMulInput(point, scalar);
		return this.runCT(point, scalar, this.bits, transform);
	}
	mulCTBlinded(point, scalar, transform) {
		this.validateMulInput(point, scalar);
		if (this.randomBytes === undefined)
			throw new Error('randomBytes is required for scalar blinding');
		const bits = this.Point.Fn.BITS + BLIND_BITS;
		const blind = this.randomBytes(BLIND_BYTES);
		if (!curves_utils_isBytes(blind) || blind.length !== BLIND_BYTES)
			throw new Error('randomBytes returned invalid byte array');
		blind[0] = (blind[0] & 0x3f) | 0x80;
		const n = scalar + _noble_curves_utils_bytesToNumberBE(blind) * this.Point.Fn.ORDER;
		return this.runCT(point, n, bits, transform);
	}
	fixedWindowCT(point, n, bits) {
		const W = FW_WINDOW;
		const size = 1 << W;
		const mask = curves_utils_bitMask(W);
		const table = new Array(size);
		table[0] = this.ZERO;
		for (let i = 1; i < size; i++)
			table[i] = table[i - 1].add(point);
		const windows = Math.ceil(bits / W);
		let acc = this.ZERO;
		for (let window = windows - 1; window >= 0; window--) {
			if (window !== windows - 1)
				for (let d = 0; d < W; d++)
					acc = acc.double();
			const digit = Number((n >> BigInt(window * W)) & mask);
			let sel = table[0];
			for (let i = 1; i < size; i++)
				sel = i === digit ? table[i] : sel;
			acc = acc.add(sel);
		}
		return { p: acc, f: acc };
	}
	shouldBlind(point, cofactor) {
		if (this.randomBytes === undefined)
			return false;
		if (cofactor === abstract_curve_1n)
			return true;
		if (point !== this.BASE)
			return false;
		if (this.baseCanBeBlinded === undefined)
			this.baseCanBeBlinded = this.mulUnsafe(this.BASE, this.Point.Fn.ORDER).is0();
		return this.baseCanBeBlinded;
	}
	mulSecret(point, scalar, cofactor, transform) {
		return this.shouldBlind(point, cofactor)
			? this.mulCTBlinded(point, scalar, transform)
			: this.mulCT(point, scalar, transform);
	}
	mulUnsafe(point, scalar, transform) {
		this.assertPoint(point);
		if (!utils_isPosBig(scalar))
			throw new Error('invalid scalar');
		const W = getWindowSize(point);
		if (W === 1 || scalar >= this.Point.Fn.ORDER)
			return mulAddUnsafe(this.Point, [point], [scalar], true);
		const precomputes = this.getWnafPrecomputes(W, point, this.bits, transform);
		return this.wnafCachedCT(precomputes, scalar).p;
	}
	setWindowSize(point, W) {
		this.assertPoint(point);
		curve_validateW(W, this.bits);
		const windows = Math.ceil((this.bits + BLIND_BITS) / W) + 1;
		validateTableBytes(windows * 2 ** (W - 1), this.Point.Fp.BYTES);
		curve_pointWindowSizes.set(point, W);
		this.wnafPrecomputes.delete(point);
	}
	hasWindowSize(point) {
		return getWindowSize(point) !== 1;
	}
}
function mulAddUnsafe(c, points, scalars, allowOversized = false) {
	validatePointCons(c);
	curve_validateMSMPoints(points, c);
	_noble_curves_utils_abool(allowOversized, 'allowOversized');
	curve_validateMSMScalars(scalars, c.Fn, allowOversized ? c.Fn.ORDER ** curve_4n : undefined);
	if (points.length !== scalars.length)
		throw new Error('arrays of points and scalars must have equal length');
	const tables = points.map((p) => oddMultiples(p, 4));
	const digits = scalars.map((n) => wnafDigits(n, 4));
	return wnafWalk(c.ZERO, tables, digits);
}
function curve_pippenger(c, points, scalars) {
	validatePointCons(c);
	const fieldN = c.Fn;
	curve_validateMSMPoints(points, c);
	curve_validateMSMScalars(scalars, fieldN);
	const plength = points.length;
	const slength = scalars.length;
	if (plength !== slength)
		throw new Error('arrays of points and scalars must have equal length');
	const zero = c.ZERO;
	if (plength === 0)
		return zero;
	const wbits = bitLen(BigInt(plength));
	let windowSize = 1;
	if (wbits > 12)
		windowSize = wbits - 3;
	else if (wbits > 4)
		windowSize = wbits - 2;
	else if (wbits > 0)
		windowSize = 2;
	const MASK = bitMask(windowSize);
	const buckets = new Array(Number(MASK) + 1).fill(zero);
	const lastBits = Math.floor((fieldN.BITS - 1) / windowSize) * windowSize;
	let sum = zero;
	for (let i = lastBits; i >= 0; i -= windowSize) {
		buckets.fill(zero);
		for (let j = 0; j < slength; j++) {
			const scalar = scalars[j];
			const wbits = Number((scalar >> BigInt(i)) & MASK);
			buckets[wbits] = buckets[wbits].add(points[j]);
		}
		let resI = zero;
		for (let j = buckets.length - 1, sumI = zero; j > 0; j--) {
			sumI = sumI.add(buckets[j]);
			resI = resI.add(sumI);
		}
		sum = sum.add(resI);
		if (i !== 0)
			for (let j = 0; j < windowSize; j++)
				sum = sum.double();
	}
	return sum;
}
function interleavedMSMUnsafe(c, points, windowSize) {
	validatePointCons(c);
	const fieldN = c.Fn;
	curve_validateW(windowSize, fieldN.BITS, 2);
	curve_validateMSMPoints(points, c);
	validateTableBytes(points.length * 2 ** (windowSize - 2), c.Fp.BYTES);
	const tables = points.map((p) => oddMultiples(p, 2 ** (windowSize - 2)));
	return (scalars) => {
		curve_validateMSMScalars(scalars, fieldN);
		if (scalars.length > points.length)
			throw new Error('array of scalars must not be larger than array of points');
		return wnafWalk(c.ZERO, tables, scalars.map((n) => wnafDigits(n, windowSize)));
	};
}
function curve_createField(order, field, isLE) {
	if (field) {
		if (field.ORDER !== order)
			throw new Error('Field.ORDER must match order: Fp == p, Fn == n');
		abstract_modular_validateField(field);
		return field;
	}
	else {
		return abstract_modular_Field(order, { isLE });
	}
}
function curve_createCurveFields(type, CURVE, curveOpts = {}, FpFnLE) {
	if (type !== 'weierstrass' && type !== 'edwards')
		throw new Error('expected curve type "weierstrass" or "edwards"');
	if (FpFnLE === undefined)
		FpFnLE = type === 'edwards';
	if (!CURVE || typeof CURVE !== 'object')
		throw new Error(`expected valid ${type} CURVE object`);
	_noble_curves_utils_validateObject(curveOpts);
	for (const p of ['p', 'n', 'h']) {
		const val = CURVE[p];
		if (!(utils_isPosBig(val) && val !== abstract_curve_0n))
			throw new Error(`CURVE.${p} must be positive bigint`);
	}
	const Fp = curve_createField(CURVE.p, curveOpts.Fp, FpFnLE);
	const Fn = curve_createField(CURVE.n, curveOpts.Fn, FpFnLE);
	const _b = type === 'weierstrass' ? 'b' : 'd';
	const params = ['Gx', 'Gy', 'a', _b];
	for (const p of params) {
		if (!Fp.isValid(CURVE[p]))
			throw new Error(`CURVE.${p} must be valid field element of CURVE.Fp`);
	}
	CURVE = Object.freeze(Object.assign({}, CURVE));
	return { CURVE, Fp, Fn };
}
function curve_createKeygen(randomSecretKey, getPublicKey) {
	return function keygen(seed) {
		const secretKey = randomSecretKey(seed);
		return { secretKey, publicKey: getPublicKey(secretKey) };
	};
}
;
const der_0n =   BigInt(0);
class der_DERErr extends Error {
	constructor(m = '') {
		super(m);
	}
}
const _DER = {
	Err: der_DERErr,
	_tlv: {
		encode: (tag, data) => {
			const { Err: E } = _DER;
			curves_utils_asafenumber(tag, 'tag');
			if (tag < 0 || tag > 255)
				throw new E('tlv.encode: wrong tag');
			astring(data, 'data');
			if (data.length & 1)
				throw new E('tlv.encode: unpadded data');
			const dataLen = data.length / 2;
			const len = utils_numberToHexUnpadded(dataLen);
			if ((len.length / 2) & 0b1000_0000)
				throw new E('tlv.encode: long form length too big');
			const lenLen = dataLen > 127 ? utils_numberToHexUnpadded((len.length / 2) | 0b1000_0000) : '';
			const t = utils_numberToHexUnpadded(tag);
			return t + lenLen + len + data;
		},
		decode(tag, data) {
			const { Err: E } = _DER;
			data = curves_utils_abytes(data, undefined, 'DER data');
			let pos = 0;
			if (tag < 0 || tag > 255)
				throw new E('tlv.decode: wrong tag');
			if (data.length < 2 || data[pos++] !== tag)
				throw new E('tlv.decode: wrong tlv');
			const first = data[pos++];
			const isLong = !!(first & 0b1000_0000);
			let length = 0;
			if (!isLong)
				length = first;
			else {
				const lenLen = first & 0b0111_1111;
				if (!lenLen)
					throw new E('tlv.decode(long): indefinite length not supported');
				if (lenLen > 4)
					throw new E('tlv.decode(long): byte length is too big');
				const lengthBytes = data.subarray(pos, pos + lenLen);
				if (lengthBytes.length !== lenLen)
					throw new E('tlv.decode: length bytes not complete');
				if (lengthBytes[0] === 0)
					throw new E('tlv.decode(long): zero leftmost byte');
				for (const b of lengthBytes)
					length = (length << 8) | b;
				pos += lenLen;
				if (length < 128)
					throw new E('tlv.decode(long): not minimal encoding');
			}
			const v = data.subarray(pos, pos + length);
			if (v.length !== length)
				throw new E('tlv.decode: wrong value length');
			return { v, l: data.subarray(pos + length) };
		},
	},
	_int: {
		encode(num) {
			const { Err: E } = _DER;
			curves_utils_abignumber(num);
			if (num < der_0n)
				throw new E('integer: negative integers are not allowed');
			let hex = utils_numberToHexUnpadded(num);
			if (Number.parseInt(hex[0], 16) & 0b1000)
				hex = '00' + hex;
			if (hex.length & 1)
				throw new E('unexpected DER parsing assertion: unpadded hex');
			return hex;
		},
		decode(data) {
			const { Err: E } = _DER;
			if (data.length < 1)
				throw new E('invalid signature integer: empty');
			if (data[0] & 0b1000_0000)
				throw new E('invalid signature integer: negative');
			if (data.length > 1 && data[0] === 0x00 && !(data[1] & 0b1000_0000))
				throw new E('invalid signature integer: unnecessary leading zero');
			return _noble_curves_utils_bytesToNumberBE(data);
		},
	},
	toSig(bytes, maxScalarBytes) {
		const { Err: E, _int: int, _tlv: tlv } = _DER;
		if (maxScalarBytes !== undefined) {
			curves_utils_asafenumber(maxScalarBytes, 'maxScalarBytes');
			if (maxScalarBytes < 1)
				throw new E('invalid signature: maxScalarBytes must be positive');
		}
		const data = curves_utils_abytes(bytes, undefined, 'signature');
		const { v: seqBytes, l: seqLeftBytes } = tlv.decode(0x30, data);
		if (seqLeftBytes.length)
			throw new E('invalid signature: left bytes after parsing');
		const { v: rBytes, l: rLeftBytes } = tlv.decode(0x02, seqBytes);
		const { v: sBytes, l: sLeftBytes } = tlv.decode(0x02, rLeftBytes);
		if (sLeftBytes.length)
			throw new E('invalid signature: left bytes after parsing');
		if (maxScalarBytes !== undefined &&
			(rBytes.length > maxScalarBytes || sBytes.length > maxScalarBytes))
			throw new E('invalid signature: integer too large');
		return { r: int.decode(rBytes), s: int.decode(sBytes) };
	},
	hexFromSig(sig) {
		const { _tlv: tlv, _int: int } = _DER;
		_noble_curves_utils_validateObject(sig, { r: 'bigint', s: 'bigint' }, {}, 'sig');
		const rs = tlv.encode(0x02, int.encode(sig.r));
		const ss = tlv.encode(0x02, int.encode(sig.s));
		const seq = rs + ss;
		return tlv.encode(0x30, seq);
	},
};
const der_DER =   (() => {
	Object.freeze(_DER._tlv);
	Object.freeze(_DER._int);
	return Object.freeze(_DER);
})();
;
const weierstrass_divNearest = (num, den) => (num + (num >= 0 ? den : -den) / abstract_weierstrass_2n) / den;
function weierstrass_splitEndoScalar(k, basis, n) {
	utils_aInRange('scalar', k, abstract_weierstrass_0n, n);
	const [[a1, b1], [a2, b2]] = basis;
	const c1 = weierstrass_divNearest(b2 * k, n);
	const c2 = weierstrass_divNearest(-b1 * k, n);
	let k1 = k - c1 * a1 - c2 * a2;
	let k2 = -c1 * b1 - c2 * b2;
	const k1neg = k1 < abstract_weierstrass_0n;
	const k2neg = k2 < abstract_weierstrass_0n;
	if (k1neg)
		k1 = -k1;
	if (k2neg)
		k2 = -k2;
	const MAX_NUM = curves_utils_bitMask(Math.ceil(curves_utils_bitLen(n) / 2)) + abstract_weierstrass_1n;
	if (k1 < abstract_weierstrass_0n || k1 >= MAX_NUM || k2 < abstract_weierstrass_0n || k2 >= MAX_NUM) {
		throw new Error('splitScalar (endomorphism): failed for k');
	}
	return { k1neg, k1, k2neg, k2 };
}
function weierstrass_validateSigFormat(format) {
	if (!['compact', 'recovered', 'der'].includes(format))
		throw new Error('Signature format must be "compact", "recovered", or "der"');
	return format;
}
function weierstrass_validateSigOpts(opts, def) {
	_noble_curves_utils_validateObject(opts);
	const optsn = {};
	for (let optName of Object.keys(def)) {
		optsn[optName] = opts[optName] === undefined ? def[optName] : opts[optName];
	}
	_noble_curves_utils_abool(optsn.lowS, 'lowS');
	_noble_curves_utils_abool(optsn.prehash, 'prehash');
	if (optsn.format !== undefined)
		weierstrass_validateSigFormat(optsn.format);
	return optsn;
}
const abstract_weierstrass_0n =   BigInt(0), abstract_weierstrass_1n =   BigInt(1), abstract_weierstrass_2n =   BigInt(2), abstract_weierstrass_3n =   BigInt(3), abstract_weierstrass_4n =   BigInt(4);
function abstract_weierstrass_weierstrass(params, extraOpts = {}) {
	const validated = curve_createCurveFields('weierstrass', params, extraOpts);
	const Fp = validated.Fp;
	const Fn = validated.Fn;
	let CURVE = validated.CURVE;
	const { h: cofactor, n: CURVE_ORDER } = CURVE;
	_noble_curves_utils_validateObject(extraOpts, {}, {
		allowInfinityPoint: 'boolean',
		clearCofactor: 'function',
		isTorsionFree: 'function',
		fromBytes: 'function',
		toBytes: 'function',
		endo: 'object',
		randomBytes: 'function',
	});
	const { endo: endoOpts, allowInfinityPoint, clearCofactor, isTorsionFree, fromBytes, toBytes, } = extraOpts;
	const randomBytes = extraOpts.randomBytes === undefined ? curves_utils_randomBytes : extraOpts.randomBytes;
	if (endoOpts) {
		if (!Fp.is0(CURVE.a) || typeof endoOpts.beta !== 'bigint' || !Array.isArray(endoOpts.basises)) {
			throw new Error('invalid endo: expected "beta": bigint and "basises": array');
		}
	}
	const endo = endoOpts
		? {
			beta: endoOpts.beta,
			basises: endoOpts.basises.map((basis) => [...basis]),
		}
		: undefined;
	const lengths = weierstrass_getWLengths(Fp, Fn);
	function assertCompressionIsSupported() {
		if (!Fp.isOdd)
			throw new Error('compression is not supported: Field does not have .isOdd()');
	}
	function pointToBytes(_c, point, isCompressed) {
		if (point.is0()) {
			if (!allowInfinityPoint)
				throw new Error('bad point: ZERO');
			return Uint8Array.of(0);
		}
		const { x, y } = point.toAffine();
		const bx = Fp.toBytes(x);
		_noble_curves_utils_abool(isCompressed, 'isCompressed');
		if (isCompressed) {
			assertCompressionIsSupported();
			const hasEvenY = !Fp.isOdd(y);
			return curves_utils_concatBytes(weierstrass_pprefix(hasEvenY), bx);
		}
		else {
			return curves_utils_concatBytes(Uint8Array.of(0x04), bx, Fp.toBytes(y));
		}
	}
	function pointFromBytes(bytes) {
		curves_utils_abytes(bytes, undefined, 'Point');
		const { publicKey: comp, publicKeyUncompressed: uncomp } = lengths;
		const length = bytes.length;
		const head = bytes[0];
		const tail = bytes.subarray(1);
		if (allowInfinityPoint && length === 1 && head === 0x00)
			return { x: Fp.ZERO, y: Fp.ZERO };
		if (length === comp && (head === 0x02 || head === 0x03)) {
			const x = Fp.fromBytes(tail);
			if (!Fp.isValid(x))
				throw new Error('bad point: is not on curve, wrong x');
			const y2 = weierstrassEquation(x);
			let y;
			try {
				y = Fp.sqrt(y2);
			}
			catch (sqrtError) {
				const err = sqrtError instanceof Error ? ': ' + sqrtError.message : '';
				throw new Error('bad point: is not on curve, sqrt error' + err);
			}
			assertCompressionIsSupported();
			const evenY = Fp.isOdd(y);
			const evenH = (head & 1) === 1;
			if (evenH !== evenY)
				y = Fp.neg(y);
			return { x, y };
		}
		else if (length === uncomp && head === 0x04) {
			const L = Fp.BYTES;
			const x = Fp.fromBytes(tail.subarray(0, L));
			const y = Fp.fromBytes(tail.subarray(L, L * 2));
			if (!isValidXY(x, y))
				throw new Error('bad point: is not on curve');
			return { x, y };
		}
		else {
			throw new Error(`bad point: got length ${length}, expected compressed=${comp} or uncompressed=${uncomp}`);
		}
	}
	const encodePoint = toBytes === undefined ? pointToBytes : toBytes;
	const decodePoint = fromBytes === undefined ? pointFromBytes : fromBytes;
	const b3 = Fp.mul(CURVE.b, abstract_weierstrass_3n);
	const mulA = Fp.is0(CURVE.a) ? (_) => Fp.ZERO : (x) => Fp.mul(CURVE.a, x);
	function weierstrassEquation(x) {
		const x2 = Fp.sqr(x);
		const x3 = Fp.mul(x2, x);
		return Fp.add(Fp.add(x3, Fp.mul(x, CURVE.a)), CURVE.b);
	}
	function isValidXY(x, y) {
		const left = Fp.sqr(y);
		const right = weierstrassEquation(x);
		return Fp.eql(left, right);
	}
	if (!isValidXY(CURVE.Gx, CURVE.Gy))
		throw new Error('bad curve params: generator point');
	const _4a3 = Fp.mul(Fp.pow(CURVE.a, abstract_weierstrass_3n), abstract_weierstrass_4n);
	const _27b2 = Fp.mul(Fp.sqr(CURVE.b), BigInt(27));
	if (Fp.is0(Fp.add(_4a3, _27b2)))
		throw new Error('bad curve params: a or b');
	function acoord(title, n, banZero = false) {
		if (!Fp.isValid(n) || (banZero && Fp.is0(n)))
			throw new Error(`bad point coordinate ${title}`);
		return typeof n === 'object' && n !== null ? Fp.create(n) : n;
	}
	function aprjpoint(other) {
		if (!(other instanceof Point))
			throw new Error('Weierstrass Point expected');
	}
	function splitEndoScalarN(k) {
		if (!endo || !endo.basises)
			throw new Error('no endo');
		return weierstrass_splitEndoScalar(k, endo.basises, Fn.ORDER);
	}
	function pushWnafPair(points, scalars, p, k) {
		if (!Fn.isValid(k))
			throw new RangeError('invalid scalar: out of range');
		if (endo) {
			const { k1neg, k1, k2neg, k2 } = splitEndoScalarN(k);
			const psi = new Point(Fp.mul(p.X, endo.beta), p.Y, p.Z);
			points.push(k1neg ? p.negate() : p, k2neg ? psi.negate() : psi);
			scalars.push(k1, k2);
		}
		else {
			points.push(p);
			scalars.push(k);
		}
	}
	const validityCache = new WeakSet();
	class Point {
		static BASE = new Point(CURVE.Gx, CURVE.Gy, Fp.ONE);
		static ZERO = new Point(Fp.ZERO, Fp.ONE, Fp.ZERO);
		static Fp = Fp;
		static Fn = Fn;
		X;
		Y;
		Z;
		constructor(X, Y, Z) {
			this.X = acoord('x', X);
			this.Y = acoord('y', Y, true);
			this.Z = acoord('z', Z);
			Object.freeze(this);
		}
		static CURVE() {
			return CURVE;
		}
		static fromAffine(p) {
			const { x, y } = p || {};
			if (!p || !Fp.isValid(x) || !Fp.isValid(y))
				throw new Error('invalid affine point');
			if (p instanceof Point)
				throw new Error('projective point not allowed');
			if (Fp.is0(x) && Fp.is0(y))
				return Point.ZERO;
			return new Point(x, y, Fp.ONE);
		}
		static fromBytes(bytes) {
			const P = Point.fromAffine(decodePoint(curves_utils_abytes(bytes, undefined, 'point')));
			P.assertValidity();
			return P;
		}
		static fromHex(hex) {
			return Point.fromBytes(curves_utils_hexToBytes(hex));
		}
		get x() {
			return this.toAffine().x;
		}
		get y() {
			return this.toAffine().y;
		}
		precompute(windowSize = 6, isLazy = true) {
			wnaf.setWindowSize(this, windowSize);
			if (!isLazy)
				this.multiply(abstract_weierstrass_3n);
			return this;
		}
		assertValidity() {
			const p = this;
			if (p.is0()) {
				if (allowInfinityPoint && Fp.is0(p.X) && Fp.eql(p.Y, Fp.ONE) && Fp.is0(p.Z))
					return;
				throw new Error('bad point: ZERO');
			}
			if (validityCache.has(p))
				return;
			const { x, y } = p.toAffine();
			if (!Fp.isValid(x) || !Fp.isValid(y))
				throw new Error('bad point: x or y not field elements');
			if (!isValidXY(x, y))
				throw new Error('bad point: equation left != right');
			if (!p.isTorsionFree())
				throw new Error('bad point: not in prime-order subgroup');
			validityCache.add(p);
		}
		hasEvenY() {
			const { y } = this.toAffine();
			if (!Fp.isOdd)
				throw new Error("Field doesn't support isOdd");
			return !Fp.isOdd(y);
		}
		equals(other) {
			aprjpoint(other);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const { X: X2, Y: Y2, Z: Z2 } = other;
			const U1 = Fp.eql(Fp.mul(X1, Z2), Fp.mul(X2, Z1));
			const U2 = Fp.eql(Fp.mul(Y1, Z2), Fp.mul(Y2, Z1));
			return U1 && U2;
		}
		negate() {
			return new Point(this.X, Fp.neg(this.Y), this.Z);
		}
		double() {
			const { X: X1, Y: Y1, Z: Z1 } = this;
			let X3 = Fp.ZERO, Y3 = Fp.ZERO, Z3 = Fp.ZERO;
			let t0 = Fp.mul(X1, X1);
			let t1 = Fp.mul(Y1, Y1);
			let t2 = Fp.mul(Z1, Z1);
			let t3 = Fp.mul(X1, Y1);
			t3 = Fp.add(t3, t3);
			Z3 = Fp.mul(X1, Z1);
			Z3 = Fp.add(Z3, Z3);
			X3 = mulA(Z3);
			Y3 = Fp.mul(b3, t2);
			Y3 = Fp.add(X3, Y3);
			X3 = Fp.sub(t1, Y3);
			Y3 = Fp.add(t1, Y3);
			Y3 = Fp.mul(X3, Y3);
			X3 = Fp.mul(t3, X3);
			Z3 = Fp.mul(b3, Z3);
			t2 = mulA(t2);
			t3 = Fp.sub(t0, t2);
			t3 = mulA(t3);
			t3 = Fp.add(t3, Z3);
			Z3 = Fp.add(t0, t0);
			t0 = Fp.add(Z3, t0);
			t0 = Fp.add(t0, t2);
			t0 = Fp.mul(t0, t3);
			Y3 = Fp.add(Y3, t0);
			t2 = Fp.mul(Y1, Z1);
			t2 = Fp.add(t2, t2);
			t0 = Fp.mul(t2, t3);
			X3 = Fp.sub(X3, t0);
			Z3 = Fp.mul(t2, t1);
			Z3 = Fp.add(Z3, Z3);
			Z3 = Fp.add(Z3, Z3);
			return new Point(X3, Y3, Z3);
		}
		add(other) {
			aprjpoint(other);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const { X: X2, Y: Y2, Z: Z2 } = other;
			let X3 = Fp.ZERO, Y3 = Fp.ZERO, Z3 = Fp.ZERO;
			let t0 = Fp.mul(X1, X2);
			let t1 = Fp.mul(Y1, Y2);
			let t2 = Fp.mul(Z1, Z2);
			let t3 = Fp.add(X1, Y1);
			let t4 = Fp.add(X2, Y2);
			t3 = Fp.mul(t3, t4);
			t4 = Fp.add(t0, t1);
			t3 = Fp.sub(t3, t4);
			t4 = Fp.add(X1, Z1);
			let t5 = Fp.add(X2, Z2);
			t4 = Fp.mul(t4, t5);
			t5 = Fp.add(t0, t2);
			t4 = Fp.sub(t4, t5);
			t5 = Fp.add(Y1, Z1);
			X3 = Fp.add(Y2, Z2);
			t5 = Fp.mul(t5, X3);
			X3 = Fp.add(t1, t2);
			t5 = Fp.sub(t5, X3);
			Z3 = mulA(t4);
			X3 = Fp.mul(b3, t2);
			Z3 = Fp.add(X3, Z3);
			X3 = Fp.sub(t1, Z3);
			Z3 = Fp.add(t1, Z3);
			Y3 = Fp.mul(X3, Z3);
			t1 = Fp.add(t0, t0);
			t1 = Fp.add(t1, t0);
			t2 = mulA(t2);
			t4 = Fp.mul(b3, t4);
			t1 = Fp.add(t1, t2);
			t2 = Fp.sub(t0, t2);
			t2 = mulA(t2);
			t4 = Fp.add(t4, t2);
			t0 = Fp.mul(t1, t4);
			Y3 = Fp.add(Y3, t0);
			t0 = Fp.mul(t5, t4);
			X3 = Fp.mul(t3, X3);
			X3 = Fp.sub(X3, t0);
			t0 = Fp.mul(t3, t1);
			Z3 = Fp.mul(t5, Z3);
			Z3 = Fp.add(Z3, t0);
			return new Point(X3, Y3, Z3);
		}
		subtract(other) {
			aprjpoint(other);
			return this.add(other.negate());
		}
		is0() {
			return this.equals(Point.ZERO);
		}
		multiply(scalar) {
			if (!Fn.isValidNot0(scalar))
				throw new RangeError('invalid scalar: out of range');
			const { p, f } = wnaf.mulSecret(this, scalar, cofactor, normalize);
			return normalize([p, f])[0];
		}
		multiplyUnsafe(scalar) {
			const p = this;
			const sc = scalar;
			if (!Fn.isValid(sc))
				throw new RangeError('invalid scalar: out of range');
			if (sc === abstract_weierstrass_0n || p.is0())
				return Point.ZERO;
			if (sc === abstract_weierstrass_1n)
				return p;
			if (wnaf.hasWindowSize(this))
				return wnaf.mulUnsafe(p, sc, normalize);
			const points = [];
			const scalars = [];
			pushWnafPair(points, scalars, p, sc);
			return mulAddUnsafe(Point, points, scalars);
		}
		mulAddUnsafe(a, other, b) {
			aprjpoint(other);
			const points = [];
			const scalars = [];
			pushWnafPair(points, scalars, this, a);
			pushWnafPair(points, scalars, other, b);
			return mulAddUnsafe(Point, points, scalars);
		}
		toAffine(invertedZ) {
			const p = this;
			let iz = invertedZ;
			if (iz != null && !Fp.isValid(iz))
				throw new RangeError('"invertedZ" expected valid field element');
			const { X, Y, Z } = p;
			if (Fp.eql(Z, Fp.ONE))
				return { x: X, y: Y };
			const is0 = p.is0();
			if (iz == null)
				iz = is0 ? Fp.ONE : Fp.inv(Z);
			const x = Fp.mul(X, iz);
			const y = Fp.mul(Y, iz);
			const zz = Fp.mul(Z, iz);
			if (is0)
				return { x: Fp.ZERO, y: Fp.ZERO };
			if (!Fp.eql(zz, Fp.ONE))
				throw new Error('invZ was invalid');
			return { x, y };
		}
		isTorsionFree() {
			if (cofactor === abstract_weierstrass_1n)
				return true;
			if (isTorsionFree)
				return isTorsionFree(Point, this);
			return wnaf.mulUnsafe(this, CURVE_ORDER).is0();
		}
		clearCofactor() {
			if (cofactor === abstract_weierstrass_1n)
				return this;
			if (clearCofactor)
				return clearCofactor(Point, this);
			return this.multiplyUnsafe(cofactor);
		}
		isSmallOrder() {
			if (cofactor === abstract_weierstrass_1n)
				return this.is0();
			return this.clearCofactor().is0();
		}
		toBytes(isCompressed = true) {
			_noble_curves_utils_abool(isCompressed, 'isCompressed');
			this.assertValidity();
			return encodePoint(Point, this, isCompressed);
		}
		toHex(isCompressed = true) {
			return curves_utils_bytesToHex(this.toBytes(isCompressed));
		}
		toString() {
			return `<Point ${this.is0() ? 'ZERO' : this.toHex()}>`;
		}
	}
	const normalize = (points) => curve_normalizeZ(Point, points);
	const wnaf = new ScalarMultiplier(Point, randomBytes);
	if (wnaf.bits >= 6)
		Point.BASE.precompute(6);
	Object.freeze(Point.prototype);
	Object.freeze(Point);
	return Point;
}
function weierstrass_pprefix(hasEvenY) {
	return Uint8Array.of(hasEvenY ? 0x02 : 0x03);
}
function weierstrass_getWLengths(Fp, Fn) {
	return {
		secretKey: Fn.BYTES,
		publicKey: 1 + Fp.BYTES,
		publicKeyUncompressed: 1 + 2 * Fp.BYTES,
		publicKeyHasPrefix: true,
		signature: 2 * Fn.BYTES,
	};
}
function weierstrass_ecdh(Point, ecdhOpts = {}) {
	validatePointCons(Point);
	const { Fn } = Point;
	const randomBytes_ = ecdhOpts.randomBytes === undefined ? curves_utils_randomBytes : ecdhOpts.randomBytes;
	const lengths = Object.assign(weierstrass_getWLengths(Point.Fp, Fn), {
		seed: Math.max(modular_getMinHashLength(Fn.ORDER), 16),
	});
	function isValidSecretKey(secretKey) {
		try {
			const num = Fn.fromBytes(secretKey);
			return Fn.isValidNot0(num);
		}
		catch (error) {
			return false;
		}
	}
	function isValidPublicKey(publicKey, isCompressed) {
		const { publicKey: comp, publicKeyUncompressed } = lengths;
		try {
			const l = publicKey.length;
			if (isCompressed === true && l !== comp)
				return false;
			if (isCompressed === false && l !== publicKeyUncompressed)
				return false;
			return !Point.fromBytes(publicKey).is0();
		}
		catch (error) {
			return false;
		}
	}
	function randomSecretKey(seed) {
		seed = seed === undefined ? randomBytes_(lengths.seed) : seed;
		return modular_mapHashToField(curves_utils_abytes(seed, lengths.seed, 'seed'), Fn.ORDER);
	}
	function getPublicKey(secretKey, isCompressed = true) {
		return Point.BASE.multiply(Fn.fromBytes(secretKey)).toBytes(isCompressed);
	}
	function isProbPub(item) {
		const { secretKey, publicKey, publicKeyUncompressed } = lengths;
		const allowedLengths = Fn._lengths;
		if (!curves_utils_isBytes(item))
			return undefined;
		const l = curves_utils_abytes(item, undefined, 'key').length;
		const isPub = l === publicKey || l === publicKeyUncompressed;
		const isSec = l === secretKey || !!allowedLengths?.includes(l);
		if (isPub && isSec)
			return undefined;
		return isPub;
	}
	function getSharedSecret(secretKeyA, publicKeyB, isCompressed = true) {
		if (isProbPub(secretKeyA) === true)
			throw new Error('first arg must be private key');
		if (isProbPub(publicKeyB) === false)
			throw new Error('second arg must be public key');
		const s = Fn.fromBytes(secretKeyA);
		const b = Point.fromBytes(publicKeyB);
		if (b.is0())
			throw new Error('invalid public key: point at infinity');
		return b.multiply(s).toBytes(isCompressed);
	}
	const utils = {
		isValidSecretKey,
		isValidPublicKey,
		randomSecretKey,
	};
	const keygen = curve_createKeygen(randomSecretKey, getPublicKey);
	Object.freeze(utils);
	Object.freeze(lengths);
	return Object.freeze({ getPublicKey, getSharedSecret, keygen, Point, utils, lengths });
}
function abstract_weierstrass_ecdsa(Point, hash, ecdsaOpts = {}) {
	validatePointCons(Point);
	const hash_ = hash;
	ahash(hash_);
	_noble_curves_utils_validateObject(ecdsaOpts, {}, {
		hmac: 'function',
		lowS: 'boolean',
		randomBytes: 'function',
		bits2int: 'function',
		bits2int_modN: 'function',
	});
	const opts = Object.assign({}, ecdsaOpts);
	const randomBytes = opts.randomBytes === undefined ? curves_utils_randomBytes : opts.randomBytes;
	const hmac = opts.hmac === undefined
		? (key, msg) => hmac_hmac(hash_, key, msg)
		: opts.hmac;
	const { Fp, Fn } = Point;
	const { ORDER: CURVE_ORDER, BITS: fnBits } = Fn;
	const blindLength = modular_getMinHashLength(CURVE_ORDER);
	const csprng = probeRandomBytes(randomBytes, blindLength);
	const { keygen, getPublicKey, getSharedSecret, utils, lengths } = weierstrass_ecdh(Point, opts);
	const defaultSigOpts = {
		prehash: true,
		lowS: typeof opts.lowS === 'boolean' ? opts.lowS : true,
		format: 'compact',
		extraEntropy: false,
	};
	const hasLargeRecoveryLifts = CURVE_ORDER * abstract_weierstrass_2n + abstract_weierstrass_1n < Fp.ORDER;
	function isBiggerThanHalfOrder(number) {
		const HALF = CURVE_ORDER >> abstract_weierstrass_1n;
		return number > HALF;
	}
	function validateRS(title, num) {
		if (!Fn.isValidNot0(num))
			throw new Error(`invalid signature ${title}: out of range 1..Point.Fn.ORDER`);
		return num;
	}
	function assertFieldSignIsSupported() {
		if (!Fp.isOdd)
			throw new Error("Field doesn't support isOdd");
	}
	function getRecoveryBit(x, y, r) {
		assertFieldSignIsSupported();
		return (x === r ? 0 : 2) | Number(Fp.isOdd(y));
	}
	function assertRecoverableCurve() {
		if (hasLargeRecoveryLifts)
			throw new Error('"recovered" sig type is not supported for cofactor >2 curves');
	}
	function validateSigLength(bytes, format) {
		weierstrass_validateSigFormat(format);
		const size = lengths.signature;
		const sizer = format === 'compact' ? size : format === 'recovered' ? size + 1 : undefined;
		return curves_utils_abytes(bytes, sizer);
	}
	class Signature {
		r;
		s;
		recovery;
		constructor(r, s, recovery) {
			this.r = validateRS('r', r);
			this.s = validateRS('s', s);
			if (recovery != null) {
				assertRecoverableCurve();
				if (![0, 1, 2, 3].includes(recovery))
					throw new Error('invalid recovery id');
				this.recovery = recovery;
			}
			Object.freeze(this);
		}
		static fromBytes(bytes, format = defaultSigOpts.format) {
			validateSigLength(bytes, format);
			let recid;
			if (format === 'der') {
				if (bytes.length > 2 * Fn.BYTES + 16)
					throw new der_DER.Err('invalid signature: DER signature too long');
				const { r, s } = der_DER.toSig(curves_utils_abytes(bytes), Fn.BYTES + 1);
				return new Signature(r, s);
			}
			if (format === 'recovered') {
				recid = bytes[0];
				format = 'compact';
				bytes = bytes.subarray(1);
			}
			const L = lengths.signature / 2;
			const r = bytes.subarray(0, L);
			const s = bytes.subarray(L, L * 2);
			return new Signature(Fn.fromBytes(r), Fn.fromBytes(s), recid);
		}
		static fromHex(hex, format) {
			return this.fromBytes(curves_utils_hexToBytes(hex), format);
		}
		assertRecovery() {
			const { recovery } = this;
			if (recovery == null)
				throw new Error('invalid recovery id: must be present');
			return recovery;
		}
		addRecoveryBit(recovery) {
			return new Signature(this.r, this.s, recovery);
		}
		recoverPublicKey(messageHash) {
			const { r, s } = this;
			const recovery = this.assertRecovery();
			const radj = recovery === 2 || recovery === 3 ? r + CURVE_ORDER : r;
			if (!Fp.isValid(radj))
				throw new Error('invalid recovery id: sig.r+curve.n != R.x');
			const x = Fp.toBytes(radj);
			const R = Point.fromBytes(curves_utils_concatBytes(weierstrass_pprefix((recovery & 1) === 0), x));
			const ir = Fn.inv(radj);
			const h = bits2int_modN(curves_utils_abytes(messageHash, undefined, 'msgHash'));
			const u1 = Fn.create(-h * ir);
			const u2 = Fn.create(s * ir);
			const Q = Point.BASE.mulAddUnsafe(u1, R, u2);
			if (Q.is0())
				throw new Error('invalid recovery: point at infinify');
			Q.assertValidity();
			return Q;
		}
		hasHighS() {
			return isBiggerThanHalfOrder(this.s);
		}
		toBytes(format = defaultSigOpts.format) {
			weierstrass_validateSigFormat(format);
			if (format === 'der')
				return curves_utils_hexToBytes(der_DER.hexFromSig(this));
			const { r, s } = this;
			const rb = Fn.toBytes(r);
			const sb = Fn.toBytes(s);
			if (format === 'recovered') {
				assertRecoverableCurve();
				return curves_utils_concatBytes(Uint8Array.of(this.assertRecovery()), rb, sb);
			}
			return curves_utils_concatBytes(rb, sb);
		}
		toHex(format) {
			return curves_utils_bytesToHex(this.toBytes(format));
		}
	}
	Object.freeze(Signature.prototype);
	Object.freeze(Signature);
	const bits2int = opts.bits2int === undefined
		? function bits2int_def(bytes) {
			if (bytes.length > 8192)
				throw new Error('input is too large');
			const num = _noble_curves_utils_bytesToNumberBE(bytes);
			const delta = bytes.length * 8 - fnBits;
			return delta > 0 ? num >> BigInt(delta) : num;
		}
		: opts.bits2int;
	const bits2int_modN = opts.bits2int_modN === undefined
		? function bits2int_modN_def(bytes) {
			return Fn.create(bits2int(bytes));
		}
		: opts.bits2int_modN;
	const ORDER_MASK = curves_utils_bitMask(fnBits);
	function int2octets(num) {
		utils_aInRange('num < 2^' + fnBits, num, abstract_weierstrass_0n, ORDER_MASK);
		return Fn.toBytes(num);
	}
	function validateMsgAndHash(message, prehash) {
		curves_utils_abytes(message, undefined, 'message');
		return (prehash ? curves_utils_abytes(hash_(message), undefined, 'prehashed message') : message);
	}
	function prepSig(message, secretKey, opts) {
		const { lowS, prehash, extraEntropy } = weierstrass_validateSigOpts(opts, defaultSigOpts);
		message = validateMsgAndHash(message, prehash);
		const h1int = bits2int_modN(message);
		const d = Fn.fromBytes(secretKey);
		if (!Fn.isValidNot0(d))
			throw new Error('invalid private key');
		const seedArgs = [int2octets(d), int2octets(h1int)];
		if (extraEntropy != null && extraEntropy !== false) {
			const e = extraEntropy === true ? randomBytes(lengths.secretKey) : extraEntropy;
			seedArgs.push(curves_utils_abytes(e, undefined, 'extraEntropy'));
		}
		const seed = curves_utils_concatBytes(...seedArgs);
		const m = h1int;
		function k2sig(kBytes) {
			const k = bits2int(kBytes);
			if (!Fn.isValidNot0(k))
				return;
			const q = Point.BASE.multiply(k).toAffine();
			const r = Fn.create(q.x);
			if (r === abstract_weierstrass_0n)
				return;
			let s;
			if (csprng !== undefined) {
				const b = _noble_curves_utils_bytesToNumberBE(modular_mapHashToField(csprng(blindLength), CURVE_ORDER));
				const ibk = Fn.inv(Fn.mul(b, k));
				const bm = Fn.mul(b, m);
				const bd = Fn.mul(b, d);
				s = Fn.create(ibk * Fn.create(bm + bd * r));
			}
			else {
				const ik = invertCt(k, CURVE_ORDER);
				s = Fn.create(ik * Fn.create(m + r * d));
			}
			if (s === abstract_weierstrass_0n)
				return;
			let recovery = getRecoveryBit(q.x, q.y, r);
			let normS = s;
			if (lowS && isBiggerThanHalfOrder(s)) {
				normS = Fn.neg(s);
				recovery ^= 1;
			}
			return new Signature(r, normS, hasLargeRecoveryLifts ? undefined : recovery);
		}
		return { seed, k2sig };
	}
	function sign(message, secretKey, opts = {}) {
		const { seed, k2sig } = prepSig(message, secretKey, opts);
		const drbg = utils_createHmacDrbg(hash_.outputLen, Fn.BYTES, hmac);
		const sig = drbg(seed, k2sig);
		return sig.toBytes(opts.format);
	}
	function verify(signature, message, publicKey, opts = {}) {
		const { lowS, prehash, format } = weierstrass_validateSigOpts(opts, defaultSigOpts);
		publicKey = curves_utils_abytes(publicKey, undefined, 'publicKey');
		message = validateMsgAndHash(message, prehash);
		if (!curves_utils_isBytes(signature)) {
			const end = signature instanceof Signature ? ', use sig.toBytes()' : '';
			throw new Error('verify expects Uint8Array signature' + end);
		}
		validateSigLength(signature, format);
		try {
			const sig = Signature.fromBytes(signature, format);
			const P = Point.fromBytes(publicKey);
			if (P.is0())
				return false;
			if (lowS && sig.hasHighS())
				return false;
			const { r, s } = sig;
			const h = bits2int_modN(message);
			const is = Fn.inv(s);
			const u1 = Fn.create(h * is);
			const u2 = Fn.create(r * is);
			const R = Point.BASE.mulAddUnsafe(u1, P, u2);
			if (R.is0())
				return false;
			const q = R.toAffine();
			const v = Fn.create(q.x);
			if (v !== r)
				return false;
			if (format === 'recovered' && sig.recovery !== getRecoveryBit(q.x, q.y, r))
				return false;
			return true;
		}
		catch (e) {
			return false;
		}
	}
	function recoverPublicKey(signature, message, opts = {}) {
		const { prehash } = weierstrass_validateSigOpts(opts, defaultSigOpts);
		message = validateMsgAndHash(message, prehash);
		return Signature.fromBytes(signature, 'recovered').recoverPublicKey(message).toBytes();
	}
	return Object.freeze({
		keygen,
		getPublicKey,
		getSharedSecret,
		utils,
		lengths,
		Point,
		sign,
		verify,
		recoverPublicKey,
		Signature,
		hash: hash_,
	});
}
;
const nist_p256_CURVE =   (() => ({
	p: BigInt('0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff'),
	n: BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551'),
	h: BigInt(1),
	a: BigInt('0xffffffff00000001000000000000000000000000fffffffffffffffffffffffc'),
	b: BigInt('0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b'),
	Gx: BigInt('0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296'),
	Gy: BigInt('0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5'),
}))();
const nist_p384_CURVE =   (  null && ((() => ({
	p: BigInt('0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff'),
	n: BigInt('0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973'),
	h: BigInt(1),
	a: BigInt('0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffc'),
	b: BigInt('0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef'),
	Gx: BigInt('0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7'),
	Gy: BigInt('0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f'),
}))()));
const nist_p521_CURVE =   (  null && ((() => ({
	p: BigInt('0x1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff'),
	n: BigInt('0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409'),
	h: BigInt(1),
	a: BigInt('0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffc'),
	b: BigInt('0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00'),
	Gx: BigInt('0x00c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8de3348b3c1856a429bf97e7e31c2e5bd66'),
	Gy: BigInt('0x011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad0761353c7086a272c24088be94769fd16650'),
}))()));
function nist_createSWU(Point, opts) {
	let map;
	return (scalars) => (map || (map = mapToCurveSimpleSWU(Point.Fp, opts)))(scalars[0]);
}
const nist_p256_Point =   abstract_weierstrass_weierstrass(nist_p256_CURVE);
const nist_p256 =   abstract_weierstrass_ecdsa(nist_p256_Point, sha2_sha256);
const nist_p256_hasher =   (  null && ((() => {
	return createHasher(nist_p256_Point, nist_createSWU(nist_p256_Point, {
		A: nist_p256_CURVE.a,
		B: nist_p256_CURVE.b,
		Z: nist_p256_Point.Fp.neg(BigInt(10)),
	}), {
		DST: 'P256_XMD:SHA-256_SSWU_RO_',
		encodeDST: 'P256_XMD:SHA-256_SSWU_NU_',
		p: nist_p256_CURVE.p,
		m: 1,
		k: 128,
		expand: 'xmd',
		hash: sha256,
	});
})()));
const nist_p256_oprf =   (  null && ((() => createOPRF({
	name: 'P256-SHA256',
	Point: nist_p256_Point,
	hash: sha256,
	hashToGroup: nist_p256_hasher.hashToCurve,
	hashToScalar: nist_p256_hasher.hashToScalar,
}))()));
const p256_FROST =   (  null && ((() => createFROST({
	name: 'FROST-P256-SHA256-v1',
	Point: nist_p256_Point,
	hashToScalar: nist_p256_hasher.hashToScalar,
	hash: sha256,
}))()));
const nist_p384_Point =   (  null && (weierstrass(nist_p384_CURVE)));
const curves_nist_p384 =   (  null && (ecdsa(nist_p384_Point, sha384)));
const nist_p384_hasher =   (  null && ((() => {
	return createHasher(nist_p384_Point, nist_createSWU(nist_p384_Point, {
		A: nist_p384_CURVE.a,
		B: nist_p384_CURVE.b,
		Z: nist_p384_Point.Fp.neg(BigInt(12)),
	}), {
		DST: 'P384_XMD:SHA-384_SSWU_RO_',
		encodeDST: 'P384_XMD:SHA-384_SSWU_NU_',
		p: nist_p384_CURVE.p,
		m: 1,
		k: 192,
		expand: 'xmd',
		hash: sha384,
	});
})()));
const nist_p384_oprf =   (  null && ((() => createOPRF({
	name: 'P384-SHA384',
	Point: nist_p384_Point,
	hash: sha384,
	hashToGroup: nist_p384_hasher.hashToCurve,
	hashToScalar: nist_p384_hasher.hashToScalar,
}))()));
const nist_p521_Point =   (  null && (weierstrass(nist_p521_CURVE)));
const nist_p521 =   (  null && (ecdsa(nist_p521_Point, sha512)));
const nist_p521_hasher =   (  null && ((() => {
	return createHasher(nist_p521_Point, nist_createSWU(nist_p521_Point, {
		A: nist_p521_CURVE.a,
		B: nist_p521_CURVE.b,
		Z: nist_p521_Point.Fp.neg(BigInt(4)),
	}), {
		DST: 'P521_XMD:SHA-512_SSWU_RO_',
		encodeDST: 'P521_XMD:SHA-512_SSWU_NU_',
		p: nist_p521_CURVE.p,
		m: 1,
		k: 256,
		expand: 'xmd',
		hash: sha512,
	});
})()));
const nist_p521_oprf =   (  null && ((() => createOPRF({
	name: 'P521-SHA512',
	Point: nist_p521_Point,
	hash: sha512,
	hashToGroup: nist_p521_hasher.hashToCurve,
	hashToScalar: nist_p521_hasher.hashToScalar,
}))()));
;
const abstract_edwards_0n =   BigInt(0), abstract_edwards_1n =   BigInt(1), abstract_edwards_2n =   BigInt(2), edwards_4n =   BigInt(4), abstract_edwards_8n =   BigInt(8);
function edwards_isEdValidXY(Fp, CURVE, x, y) {
	const x2 = Fp.sqr(x);
	const y2 = Fp.sqr(y);
	const left = Fp.add(Fp.mul(CURVE.a, x2), y2);
	const right = Fp.add(Fp.ONE, Fp.mul(CURVE.d, Fp.mul(x2, y2)));
	return Fp.eql(left, right);
}
function edwards_edwards(params, extraOpts = {}) {
	_noble_curves_utils_validateObject(extraOpts, {}, {}, 'extraOpts');
	const opts = extraOpts;
	const validated = curve_createCurveFields('edwards', params, opts, opts.FpFnLE);
	const { Fp, Fn } = validated;
	let CURVE = validated.CURVE;
	const { h: cofactor } = CURVE;
	if (modular_FpLegendre(Fp, CURVE.a) !== 1)
		throw new Error('edwards: CURVE.a must be a square in Fp for complete addition formulas');
	if (modular_FpLegendre(Fp, CURVE.d) !== -1)
		throw new Error('edwards: CURVE.d must be a non-square in Fp for complete addition formulas');
	_noble_curves_utils_validateObject(opts, {}, { uvRatio: 'function', randomBytes: 'function' });
	const randomBytes = opts.randomBytes === undefined ? curves_utils_randomBytes : opts.randomBytes;
	const MASK = abstract_edwards_2n << (BigInt(Fp.BYTES * 8) - abstract_edwards_1n);
	function isOdd(n) {
		if (!Fp.isOdd)
			throw new Error('Field does not have .isOdd()');
		return Fp.isOdd(n);
	}
	const uvRatio = opts.uvRatio === undefined
		? (u, v) => {
			try {
				return { isValid: true, value: Fp.sqrt(Fp.div(u, v)) };
			}
			catch (e) {
				return { isValid: false, value: abstract_edwards_0n };
			}
		}
		: opts.uvRatio;
	if (!edwards_isEdValidXY(Fp, CURVE, CURVE.Gx, CURVE.Gy))
		throw new Error('bad curve params: generator point');
	const mulA = Fp.eql(CURVE.a, Fp.neg(Fp.ONE)) ? (x) => Fp.neg(x)
		: Fp.eql(CURVE.a, Fp.ONE) ? (x) => x
			: (x) => Fp.mul(CURVE.a, x);
	function acoord(title, n, banZero = false) {
		const min = banZero ? abstract_edwards_1n : abstract_edwards_0n;
		utils_aInRange('coordinate ' + title, n, min, MASK);
		return n;
	}
	function aedpoint(other) {
		if (!(other instanceof Point))
			throw new Error('EdwardsPoint expected');
	}
	class Point {
		static BASE = new Point(CURVE.Gx, CURVE.Gy, Fp.ONE, Fp.mul(CURVE.Gx, CURVE.Gy));
		static ZERO = new Point(Fp.ZERO, Fp.ONE, Fp.ONE, Fp.ZERO);
		static Fp = Fp;
		static Fn = Fn;
		X;
		Y;
		Z;
		T;
		constructor(X, Y, Z, T) {
			this.X = acoord('x', X);
			this.Y = acoord('y', Y);
			this.Z = acoord('z', Z, true);
			this.T = acoord('t', T);
			Object.freeze(this);
		}
		static CURVE() {
			return CURVE;
		}
		static fromAffine(p) {
			if (p instanceof Point)
				throw new Error('extended point not allowed');
			const { x, y } = p || {};
			acoord('x', x);
			acoord('y', y);
			return new Point(x, y, Fp.ONE, Fp.mul(x, y));
		}
		static fromBytes(bytes, zip215 = false) {
			const len = Fp.BYTES;
			const { a, d } = CURVE;
			bytes = _noble_curves_utils_copyBytes(curves_utils_abytes(bytes, len, 'point'));
			_noble_curves_utils_abool(zip215, 'zip215');
			const normed = _noble_curves_utils_copyBytes(bytes);
			const lastByte = bytes[len - 1];
			normed[len - 1] = lastByte & ~0x80;
			const y = utils_bytesToNumberLE(normed);
			const max = zip215 ? MASK : Fp.ORDER;
			utils_aInRange('point.y', y, abstract_edwards_0n, max);
			const y2 = Fp.sqr(y);
			const u = Fp.sub(y2, Fp.ONE);
			const v = Fp.sub(Fp.mulN(d, y2), a);
			let { isValid, value: x } = uvRatio(u, v);
			if (!isValid)
				throw new Error('bad point: invalid y coordinate');
			const isXOdd = isOdd(x);
			const isLastByteOdd = (lastByte & 0x80) !== 0;
			if (!zip215 && Fp.is0(x) && isLastByteOdd)
				throw new Error('bad point: x=0 and x_0=1');
			if (isLastByteOdd !== isXOdd)
				x = Fp.neg(x);
			return Point.fromAffine({ x, y });
		}
		static fromHex(hex, zip215 = false) {
			return Point.fromBytes(curves_utils_hexToBytes(hex), zip215);
		}
		get x() {
			return this.toAffine().x;
		}
		get y() {
			return this.toAffine().y;
		}
		precompute(windowSize = 6, isLazy = true) {
			wnaf.setWindowSize(this, windowSize);
			if (!isLazy)
				this.multiply(abstract_edwards_2n);
			return this;
		}
		assertValidity() {
			const p = this;
			const { a, d } = CURVE;
			if (p.is0())
				throw new Error('bad point: ZERO');
			const { X, Y, Z, T } = p;
			const X2 = Fp.sqr(X);
			const Y2 = Fp.sqr(Y);
			const Z2 = Fp.sqr(Z);
			const Z4 = Fp.sqr(Z2);
			const aX2 = Fp.mul(X2, a);
			const left = Fp.mul(Fp.add(aX2, Y2), Z2);
			const right = Fp.add(Z4, Fp.mul(d, Fp.mul(X2, Y2)));
			if (!Fp.eql(left, right))
				throw new Error('bad point: equation left != right (1)');
			const XY = Fp.mul(X, Y);
			const ZT = Fp.mul(Z, T);
			if (!Fp.eql(XY, ZT))
				throw new Error('bad point: equation left != right (2)');
		}
		equals(other) {
			aedpoint(other);
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const { X: X2, Y: Y2, Z: Z2 } = other;
			const X1Z2 = Fp.mul(X1, Z2);
			const X2Z1 = Fp.mul(X2, Z1);
			const Y1Z2 = Fp.mul(Y1, Z2);
			const Y2Z1 = Fp.mul(Y2, Z1);
			return Fp.eql(X1Z2, X2Z1) && Fp.eql(Y1Z2, Y2Z1);
		}
		is0() {
			return this.equals(Point.ZERO);
		}
		negate() {
			return new Point(Fp.neg(this.X), this.Y, this.Z, Fp.neg(this.T));
		}
		double() {
			const { X: X1, Y: Y1, Z: Z1 } = this;
			const A = Fp.sqr(X1);
			const B = Fp.sqr(Y1);
			const C = Fp.mul(Fp.sqr(Z1), abstract_edwards_2n);
			const D = mulA(A);
			const x1y1 = Fp.addN(X1, Y1);
			const E = Fp.sub(Fp.subN(Fp.sqr(x1y1), A), B);
			const G = Fp.addN(D, B);
			const F = Fp.subN(G, C);
			const H = Fp.subN(D, B);
			const X3 = Fp.mul(E, F);
			const Y3 = Fp.mul(G, H);
			const T3 = Fp.mul(E, H);
			const Z3 = Fp.mul(F, G);
			return new Point(X3, Y3, Z3, T3);
		}
		add(other) {
			aedpoint(other);
			const { d } = CURVE;
			const { X: X1, Y: Y1, Z: Z1, T: T1 } = this;
			const { X: X2, Y: Y2, Z: Z2, T: T2 } = other;
			const A = Fp.mul(X1, X2);
			const B = Fp.mul(Y1, Y2);
			const C = Fp.mul(Fp.mulN(T1, d), T2);
			const D = Fp.mul(Z1, Z2);
			const E = Fp.sub(Fp.subN(Fp.mulN(Fp.addN(X1, Y1), Fp.addN(X2, Y2)), A), B);
			const F = Fp.subN(D, C);
			const G = Fp.addN(D, C);
			const H = Fp.sub(B, mulA(A));
			const X3 = Fp.mul(E, F);
			const Y3 = Fp.mul(G, H);
			const T3 = Fp.mul(E, H);
			const Z3 = Fp.mul(F, G);
			return new Point(X3, Y3, Z3, T3);
		}
		subtract(other) {
			aedpoint(other);
			return this.add(other.negate());
		}
		multiply(scalar) {
			if (!Fn.isValidNot0(scalar))
				throw new RangeError('invalid scalar: expected 1 <= sc < curve.n');
			const { p, f } = wnaf.mulSecret(this, scalar, cofactor, normalize);
			return normalize([p, f])[0];
		}
		multiplyUnsafe(scalar) {
			if (!Fn.isValid(scalar))
				throw new RangeError('invalid scalar: expected 0 <= sc < curve.n');
			if (scalar === abstract_edwards_0n)
				return Point.ZERO;
			if (this.is0() || scalar === abstract_edwards_1n)
				return this;
			return wnaf.mulUnsafe(this, scalar, normalize);
		}
		isSmallOrder() {
			return this.clearCofactor().is0();
		}
		isTorsionFree() {
			return wnaf.mulUnsafe(this, CURVE.n).is0();
		}
		toAffine(invertedZ) {
			const p = this;
			let iz = invertedZ;
			if (iz != null && typeof iz !== 'bigint')
				throw new TypeError('"invertedZ" expected bigint, got type=' + typeof iz);
			const { X, Y, Z } = p;
			const is0 = p.is0();
			if (iz == null)
				iz = is0 ? Fp.create(abstract_edwards_8n) : Fp.inv(Z);
			const x = Fp.mul(X, iz);
			const y = Fp.mul(Y, iz);
			const zz = Fp.mul(Z, iz);
			if (is0)
				return { x: Fp.ZERO, y: Fp.ONE };
			if (!Fp.eql(zz, Fp.ONE))
				throw new Error('invZ was invalid');
			return { x, y };
		}
		clearCofactor() {
			if (cofactor === abstract_edwards_1n)
				return this;
			if (cofactor === abstract_edwards_2n)
				return this.double();
			if (cofactor === edwards_4n)
				return this.double().double();
			if (cofactor === abstract_edwards_8n)
				return this.double().double().double();
			return this.multiplyUnsafe(cofactor);
		}
		toBytes() {
			const { x, y } = this.toAffine();
			const bytes = Fp.toBytes(y);
			bytes[bytes.length - 1] |= isOdd(x) ? 0x80 : 0;
			return bytes;
		}
		toHex() {
			return curves_utils_bytesToHex(this.toBytes());
		}
		toString() {
			return `<Point ${this.is0() ? 'ZERO' : this.toHex()}>`;
		}
	}
	const normalize = (points) => curve_normalizeZ(Point, points);
	const wnaf = new ScalarMultiplier(Point, randomBytes);
	if (wnaf.bits >= 6)
		Point.BASE.precompute(6);
	Object.freeze(Point.prototype);
	Object.freeze(Point);
	return Point;
}
class edwards_PrimeEdwardsPoint {
	static BASE;
	static ZERO;
	static Fp;
	static Fn;
	ep;
	constructor(ep) {
		this.ep = ep;
	}
	static fromBytes(_bytes) {
		utils_notImplemented();
	}
	static fromHex(_hex) {
		utils_notImplemented();
	}
	get x() {
		return this.toAffine().x;
	}
	get y() {
		return this.toAffine().y;
	}
	clearCofactor() {
		return this;
	}
	assertValidity() {
		this.ep.assertValidity();
	}
	toAffine(invertedZ) {
		return this.ep.toAffine(invertedZ);
	}
	toHex() {
		return curves_utils_bytesToHex(this.toBytes());
	}
	toString() {
		return this.toHex();
	}
	isTorsionFree() {
		return true;
	}
	isSmallOrder() {
		return false;
	}
	add(other) {
		this.assertSame(other);
		return this.init(this.ep.add(other.ep));
	}
	subtract(other) {
		this.assertSame(other);
		return this.init(this.ep.subtract(other.ep));
	}
	multiply(scalar) {
		return this.init(this.ep.multiply(scalar));
	}
	multiplyUnsafe(scalar) {
		return this.init(this.ep.multiplyUnsafe(scalar));
	}
	double() {
		return this.init(this.ep.double());
	}
	negate() {
		return this.init(this.ep.negate());
	}
	precompute(windowSize, isLazy) {
		this.ep.precompute(windowSize, isLazy);
		return this;
	}
}
function edwards_eddsa(Point, cHash, eddsaOpts = {}) {
	validatePointCons(Point);
	if (typeof cHash !== 'function')
		throw new Error('"hash" function param is required');
	const hash = cHash;
	const opts = eddsaOpts;
	_noble_curves_utils_validateObject(opts, {}, {
		adjustScalarBytes: 'function',
		randomBytes: 'function',
		domain: 'function',
		prehash: 'function',
		zip215: 'boolean',
		mapToCurve: 'function',
		toMontgomery: 'function',
		toMontgomerySecret: 'function',
	});
	const { prehash } = opts;
	const { BASE, Fp, Fn } = Point;
	const outputLen = hash.outputLen;
	const expectedLen = 2 * Fp.BYTES;
	if (outputLen !== undefined) {
		curves_utils_asafenumber(outputLen, 'hash.outputLen');
		if (outputLen !== expectedLen)
			throw new Error(`hash.outputLen must be ${expectedLen}, got ${outputLen}`);
	}
	const randomBytes = opts.randomBytes === undefined ? curves_utils_randomBytes : opts.randomBytes;
	const toMontgomery = opts.toMontgomery;
	const toMontgomerySecret = opts.toMontgomerySecret;
	const adjustScalarBytes = opts.adjustScalarBytes === undefined
		? (bytes) => bytes
		: opts.adjustScalarBytes;
	const domain = opts.domain === undefined
		? (data, ctx, phflag) => {
			_noble_curves_utils_abool(phflag, 'phflag');
			if (ctx.length || phflag)
				throw new Error('Contexts/pre-hash are not supported');
			return data;
		}
		: opts.domain;
	function modN_LE(hash) {
		return Fn.create(utils_bytesToNumberLE(hash));
	}
	function getPrivateScalar(key) {
		const len = lengths.secretKey;
		curves_utils_abytes(key, lengths.secretKey, 'secretKey');
		const hashed = curves_utils_abytes(hash(key), 2 * len, 'hashedSecretKey');
		const head = adjustScalarBytes(hashed.slice(0, len));
		const prefix = hashed.slice(len, 2 * len);
		const scalar = modN_LE(head);
		return { head, prefix, scalar };
	}
	function getExtendedPublicKey(secretKey) {
		const { head, prefix, scalar } = getPrivateScalar(secretKey);
		const point = BASE.multiply(scalar);
		const pointBytes = point.toBytes();
		return { head, prefix, scalar, point, pointBytes };
	}
	function getPublicKey(secretKey) {
		return getExtendedPublicKey(secretKey).pointBytes;
	}
	function hashDomainToScalar(context = Uint8Array.of(), ...msgs) {
		const msg = curves_utils_concatBytes(...msgs);
		return modN_LE(hash(domain(msg, curves_utils_abytes(context, undefined, 'context'), !!prehash)));
	}
	function sign(msg, secretKey, options = {}) {
		_noble_curves_utils_validateObject(options, {}, {}, 'options');
		msg = _noble_curves_utils_copyBytes(curves_utils_abytes(msg, undefined, 'message'));
		if (prehash)
			msg = prehash(msg);
		const { prefix, scalar, pointBytes } = getExtendedPublicKey(secretKey);
		const r = hashDomainToScalar(options.context, prefix, msg);
		const R = BASE.multiply(r).toBytes();
		const k = hashDomainToScalar(options.context, R, pointBytes, msg);
		const s = Fn.create(r + k * scalar);
		if (!Fn.isValid(s))
			throw new Error('sign failed: invalid s');
		const rs = curves_utils_concatBytes(R, Fn.toBytes(s));
		return curves_utils_abytes(rs, lengths.signature, 'result');
	}
	const verifyOpts = {
		zip215: opts.zip215,
	};
	function verify(sig, msg, publicKey, options = verifyOpts) {
		_noble_curves_utils_validateObject(options);
		const { context } = options;
		const zip215 = options.zip215 === undefined ? !!verifyOpts.zip215 : options.zip215;
		const len = lengths.signature;
		sig = curves_utils_abytes(sig, len, 'signature');
		msg = curves_utils_abytes(msg, undefined, 'message');
		publicKey = curves_utils_abytes(publicKey, lengths.publicKey, 'publicKey');
		if (zip215 !== undefined)
			_noble_curves_utils_abool(zip215, 'zip215');
		if (prehash)
			msg = prehash(msg);
		const mid = len / 2;
		const r = sig.subarray(0, mid);
		const s = utils_bytesToNumberLE(sig.subarray(mid, len));
		let A, R, SB;
		try {
			A = Point.fromBytes(publicKey, zip215);
			R = Point.fromBytes(r, zip215);
			SB = BASE.multiplyUnsafe(s);
		}
		catch (error) {
			return false;
		}
		if (!zip215 && A.isSmallOrder())
			return false;
		const k = hashDomainToScalar(context, r, publicKey, msg);
		const RkA = R.add(A.multiplyUnsafe(k));
		return RkA.subtract(SB).clearCofactor().is0();
	}
	const _size = Fp.BYTES;
	const lengths = {
		secretKey: _size,
		publicKey: _size,
		signature: 2 * _size,
		seed: _size,
	};
	function randomSecretKey(seed) {
		seed = seed === undefined ? randomBytes(lengths.seed) : seed;
		return curves_utils_abytes(seed, lengths.seed, 'seed');
	}
	function isValidSecretKey(key) {
		return curves_utils_isBytes(key) && key.length === lengths.secretKey;
	}
	function isValidPublicKey(key, zip215) {
		try {
			return !!Point.fromBytes(key, zip215 === undefined ? verifyOpts.zip215 : zip215);
		}
		catch (error) {
			return false;
		}
	}
	const utils = {
		getExtendedPublicKey,
		randomSecretKey,
		isValidSecretKey,
		isValidPublicKey,
		toMontgomery(publicKey) {
			if (toMontgomery === undefined)
				throw new Error('Montgomery conversion is not supported for this curve');
			return toMontgomery(Point.fromBytes(publicKey));
		},
		toMontgomerySecret(secretKey) {
			if (toMontgomerySecret === undefined)
				throw new Error('Montgomery conversion is not supported for this curve');
			return toMontgomerySecret(secretKey);
		},
	};
	Object.freeze(lengths);
	Object.freeze(utils);
	return Object.freeze({
		keygen: curve_createKeygen(randomSecretKey, getPublicKey),
		getPublicKey,
		sign,
		verify,
		utils,
		Point,
		lengths,
	});
}
;
const hash_to_curve_0n =   (  null && (BigInt(0))), hash_to_curve_1n =   (  null && (BigInt(1))), hash_to_curve_2n =   (  null && (BigInt(2))), hash_to_curve_3n =   (  null && (BigInt(3))), hash_to_curve_4n =   (  null && (BigInt(4)));
const hash_to_curve_os2ip = (  null && (bytesToNumberBE));
function hash_to_curve_i2osp(value, length) {
	curves_utils_asafenumber(value);
	curves_utils_asafenumber(length);
	if (length < 0 || length > 4)
		throw new Error('invalid I2OSP length: ' + length);
	if (value < 0 || value > 2 ** (8 * length) - 1)
		throw new Error('invalid I2OSP input: ' + value);
	const res = Array.from({ length }).fill(0);
	for (let i = length - 1; i >= 0; i--) {
		res[i] = value & 0xff;
		value >>>= 8;
	}
	return new Uint8Array(res);
}
function hash_to_curve_strxor(a, b) {
	const arr = new Uint8Array(a.length);
	for (let i = 0; i < a.length; i++) {
		arr[i] = a[i] ^ b[i];
	}
	return arr;
}
function hash_to_curve_normDST(DST) {
	if (!curves_utils_isBytes(DST) && typeof DST !== 'string')
		throw new Error('DST must be Uint8Array or ascii string');
	const dst = typeof DST === 'string' ? curves_utils_asciiToBytes(DST) : DST;
	if (dst.length === 0)
		throw new Error('DST must be non-empty');
	return dst;
}
function hash_to_curve_expand_message_xmd(msg, DST, lenInBytes, H) {
	curves_utils_abytes(msg);
	curves_utils_asafenumber(lenInBytes);
	if (typeof H !== 'function')
		throw new Error('expand_message_xmd: expected hash function');
	curves_utils_asafenumber(H.outputLen, 'hash.outputLen');
	curves_utils_asafenumber(H.blockLen, 'hash.blockLen');
	DST = hash_to_curve_normDST(DST);
	if (DST.length > 255)
		DST = H(curves_utils_concatBytes(curves_utils_asciiToBytes('H2C-OVERSIZE-DST-'), DST));
	const { outputLen: b_in_bytes, blockLen: r_in_bytes } = H;
	const ell = Math.ceil(lenInBytes / b_in_bytes);
	if (lenInBytes > 65535 || ell > 255)
		throw new Error('expand_message_xmd: invalid lenInBytes');
	const DST_prime = curves_utils_concatBytes(DST, hash_to_curve_i2osp(DST.length, 1));
	const Z_pad = new Uint8Array(r_in_bytes);
	const l_i_b_str = hash_to_curve_i2osp(lenInBytes, 2);
	const b = new Array(ell);
	const b_0 = H(curves_utils_concatBytes(Z_pad, msg, l_i_b_str, hash_to_curve_i2osp(0, 1), DST_prime));
	b[0] = H(curves_utils_concatBytes(b_0, hash_to_curve_i2osp(1, 1), DST_prime));
	for (let i = 1; i < ell; i++) {
		const args = [hash_to_curve_strxor(b_0, b[i - 1]), hash_to_curve_i2osp(i + 1, 1), DST_prime];
		b[i] = H(curves_utils_concatBytes(...args));
	}
	const pseudo_random_bytes = curves_utils_concatBytes(...b);
	return pseudo_random_bytes.slice(0, lenInBytes);
}
function hash_to_curve_expand_message_xof(msg, DST, lenInBytes, k, H) {
	abytes(msg);
	asafenumber(lenInBytes);
	asafenumber(k, 'k');
	if (k < 0)
		throw new Error('expand_message_xof: invalid k');
	if (typeof H !== 'function')
		throw new Error('expand_message_xof: expected XOF function');
	if (typeof H.create !== 'function')
		throw new Error('expand_message_xof: expected XOF create');
	DST = hash_to_curve_normDST(DST);
	if (lenInBytes < 0 || lenInBytes > 65535)
		throw new Error('expand_message_xof: invalid lenInBytes');
	if (DST.length > 255) {
		const dkLen = Math.ceil((2 * k) / 8);
		DST = H.create({ dkLen }).update(asciiToBytes('H2C-OVERSIZE-DST-')).update(DST).digest();
	}
	if (DST.length > 255)
		throw new Error('expand_message_xof: invalid DST');
	return (H.create({ dkLen: lenInBytes })
		.update(msg)
		.update(hash_to_curve_i2osp(lenInBytes, 2))
		.update(DST)
		.update(hash_to_curve_i2osp(DST.length, 1))
		.digest());
}
function hash_to_curve_hash_to_field(msg, count, options) {
	validateObject(options, {
		p: 'bigint',
		m: 'number',
		k: 'number',
		hash: 'function',
	});
	const { p, k, m, hash, expand, DST } = options;
	asafenumber(hash.outputLen, 'valid hash');
	abytes(msg);
	asafenumber(count);
	asafenumber(m, 'm');
	asafenumber(k, 'k');
	if (p <= BigInt(1))
		throw new Error('hash_to_field: expected valid field characteristic');
	if (count < 1)
		throw new Error('hash_to_field: expected count >= 1');
	if (m < 1)
		throw new Error('hash_to_field: expected m >= 1');
	if (k < 0)
		throw new Error('hash_to_field: invalid k');
	const log2p = p.toString(2).length;
	const L = Math.ceil((log2p + k) / 8);
	const len_in_bytes = count * m * L;
	let prb;
	if (expand === 'xmd') {
		prb = hash_to_curve_expand_message_xmd(msg, DST, len_in_bytes, hash);
	}
	else if (expand === 'xof') {
		prb = hash_to_curve_expand_message_xof(msg, DST, len_in_bytes, k, hash);
	}
	else if (expand === '_internal_pass') {
		prb = msg;
	}
	else {
		throw new Error('expand must be "xmd" or "xof"');
	}
	const u = new Array(count);
	for (let i = 0; i < count; i++) {
		const e = new Array(m);
		for (let j = 0; j < m; j++) {
			const elm_offset = L * (j + i * m);
			const tv = prb.subarray(elm_offset, elm_offset + L);
			e[j] = mod(hash_to_curve_os2ip(tv), p);
		}
		u[i] = e;
	}
	return u;
}
function hash_to_curve_isogenyMap(field, map) {
	validateField(field);
	aarray(map, 'map');
	const coeff = map.map((i, row) => {
		aarray(i, 'map[' + row + ']');
		if (i.length < 1)
			throw new Error('isogenyMap: expected non-empty coefficients');
		return Array.from(i).reverse();
	});
	return (x, y) => {
		const [xn, xd, yn, yd] = coeff.map((val) => val.reduce((acc, i) => field.add(field.mul(acc, x), i)));
		const isZero = field.is0(xd) || field.is0(yd);
		const [xd_inv, yd_inv] = FpInvertBatch(field, [xd, yd], true);
		x = field.mul(xn, xd_inv);
		y = field.mul(y, field.mul(yn, yd_inv));
		return isZero ? { x: field.ZERO, y: field.ZERO } : { x, y };
	};
}
const hash_to_curve_DST_scalar = 'HashToScalar-';
function abstract_hash_to_curve_createHasher(Point, mapToCurve, defaults) {
	if (typeof mapToCurve !== 'function')
		throw new Error('mapToCurve() must be defined');
	validateObject(defaults);
	const snapshot = (src) => Object.freeze({
		...src,
		DST: isBytes(src.DST) ? copyBytes(src.DST) : src.DST,
		...(src.encodeDST === undefined
			? {}
			: { encodeDST: isBytes(src.encodeDST) ? copyBytes(src.encodeDST) : src.encodeDST }),
	});
	const safeDefaults = snapshot(defaults);
	const dstOverride = (options) => options && options.DST !== undefined ? { DST: options.DST } : undefined;
	function map(num) {
		return Point.fromAffine(mapToCurve(num));
	}
	function clear(initial) {
		const P = initial.clearCofactor();
		if (P.equals(Point.ZERO))
			return Point.ZERO;
		P.assertValidity();
		return P;
	}
	return Object.freeze({
		get defaults() {
			return snapshot(safeDefaults);
		},
		Point,
		hashToCurve(msg, options) {
			const opts = Object.assign({}, safeDefaults, dstOverride(options));
			const u = hash_to_curve_hash_to_field(msg, 2, opts);
			const u0 = map(u[0]);
			const u1 = map(u[1]);
			return clear(u0.add(u1));
		},
		encodeToCurve(msg, options) {
			const optsDst = safeDefaults.encodeDST === undefined ? {} : { DST: safeDefaults.encodeDST };
			const opts = Object.assign({}, safeDefaults, optsDst, dstOverride(options));
			const u = hash_to_curve_hash_to_field(msg, 1, opts);
			const u0 = map(u[0]);
			return clear(u0);
		},
		mapToCurve(scalars) {
			if (safeDefaults.m === 1) {
				if (typeof scalars !== 'bigint')
					throw new Error('expected bigint (m=1)');
				return clear(map([scalars]));
			}
			if (!Array.isArray(scalars))
				throw new Error('expected array of bigints');
			if (scalars.length !== safeDefaults.m)
				throw new Error(`expected array of ${safeDefaults.m} bigints`);
			for (const i of scalars)
				if (typeof i !== 'bigint')
					throw new Error('expected array of bigints');
			return clear(map(scalars));
		},
		hashToScalar(msg, options) {
			const N = Point.Fn.ORDER;
			const opts = Object.assign({}, safeDefaults, { DST: hash_to_curve_DST_scalar }, dstOverride(options), {
				p: N,
				m: 1,
			});
			return hash_to_curve_hash_to_field(msg, 1, opts)[0][0];
		},
	});
}
function hash_to_curve_SWUFpSqrtRatio(Fp, Z) {
	const F = validateField(Fp);
	const q = F.ORDER;
	let l = hash_to_curve_0n;
	for (let o = q - hash_to_curve_1n; o % hash_to_curve_2n === hash_to_curve_0n; o /= hash_to_curve_2n)
		l += hash_to_curve_1n;
	const c1 = l;
	const _2n_pow_c1_1 = hash_to_curve_2n << (c1 - hash_to_curve_1n - hash_to_curve_1n);
	const _2n_pow_c1 = _2n_pow_c1_1 * hash_to_curve_2n;
	const c2 = (q - hash_to_curve_1n) / _2n_pow_c1;
	const c3 = (c2 - hash_to_curve_1n) / hash_to_curve_2n;
	const c4 = _2n_pow_c1 - hash_to_curve_1n;
	const c5 = _2n_pow_c1_1;
	const c6 = F.pow(Z, c2);
	const c7 = F.pow(Z, (c2 + hash_to_curve_1n) / hash_to_curve_2n);
	let sqrtRatio = (u, v) => {
		let tv1 = c6;
		let tv2 = F.pow(v, c4);
		let tv3 = F.sqr(tv2);
		tv3 = F.mul(tv3, v);
		let tv5 = F.mul(u, tv3);
		tv5 = F.pow(tv5, c3);
		tv5 = F.mul(tv5, tv2);
		tv2 = F.mul(tv5, v);
		tv3 = F.mul(tv5, u);
		let tv4 = F.mul(tv3, tv2);
		tv5 = F.pow(tv4, c5);
		let isQR = F.eql(tv5, F.ONE);
		tv2 = F.mul(tv3, c7);
		tv5 = F.mul(tv4, tv1);
		tv3 = F.cmov(tv2, tv3, isQR);
		tv4 = F.cmov(tv5, tv4, isQR);
		for (let i = c1; i > hash_to_curve_1n; i--) {
			let tv5 = i - hash_to_curve_2n;
			tv5 = hash_to_curve_2n << (tv5 - hash_to_curve_1n);
			let tvv5 = F.pow(tv4, tv5);
			const e1 = F.eql(tvv5, F.ONE);
			tv2 = F.mul(tv3, tv1);
			tv1 = F.mul(tv1, tv1);
			tvv5 = F.mul(tv4, tv1);
			tv3 = F.cmov(tv2, tv3, e1);
			tv4 = F.cmov(tvv5, tv4, e1);
		}
		return { isValid: !F.is0(v) && (isQR || F.is0(u)), value: tv3 };
	};
	if (F.ORDER % hash_to_curve_4n === hash_to_curve_3n) {
		const c1 = (F.ORDER - hash_to_curve_3n) / hash_to_curve_4n;
		const c2 = F.sqrt(F.neg(Z));
		sqrtRatio = (u, v) => {
			let tv1 = F.sqr(v);
			const tv2 = F.mul(u, v);
			tv1 = F.mul(tv1, tv2);
			let y1 = F.pow(tv1, c1);
			y1 = F.mul(y1, tv2);
			const y2 = F.mul(y1, c2);
			const tv3 = F.mul(F.sqr(y1), v);
			const isQR = F.eql(tv3, u);
			let y = F.cmov(y2, y1, isQR);
			return { isValid: !F.is0(v) && isQR, value: y };
		};
	}
	return sqrtRatio;
}
function hash_to_curve_mapToCurveSimpleSWU(Fp, opts) {
	const F = validateField(Fp);
	validateObject(opts, {}, {}, 'opts');
	const { A, B, Z } = opts;
	if (!F.isValidNot0(A) || !F.isValidNot0(B) || !F.isValid(Z))
		throw new Error('mapToCurveSimpleSWU: invalid opts');
	if (F.eql(Z, F.neg(F.ONE)) || FpIsSquare(F, Z))
		throw new Error('mapToCurveSimpleSWU: invalid opts');
	const x = F.mul(B, F.inv(F.mul(Z, A)));
	const gx = F.add(F.add(F.mul(F.sqr(x), x), F.mul(A, x)), B);
	if (!FpIsSquare(F, gx))
		throw new Error('mapToCurveSimpleSWU: invalid opts');
	const sqrtRatio = hash_to_curve_SWUFpSqrtRatio(F, Z);
	if (!F.isOdd)
		throw new Error('Field does not have .isOdd()');
	return (u) => {
		let tv1, tv2, tv3, tv4, tv5, tv6, x, y;
		tv1 = F.sqr(u);
		tv1 = F.mul(tv1, Z);
		tv2 = F.sqr(tv1);
		tv2 = F.add(tv2, tv1);
		tv3 = F.add(tv2, F.ONE);
		tv3 = F.mul(tv3, B);
		tv4 = F.cmov(Z, F.neg(tv2), !F.eql(tv2, F.ZERO));
		tv4 = F.mul(tv4, A);
		tv2 = F.sqr(tv3);
		tv6 = F.sqr(tv4);
		tv5 = F.mul(tv6, A);
		tv2 = F.add(tv2, tv5);
		tv2 = F.mul(tv2, tv3);
		tv6 = F.mul(tv6, tv4);
		tv5 = F.mul(tv6, B);
		tv2 = F.add(tv2, tv5);
		x = F.mul(tv1, tv3);
		const { isValid, value } = sqrtRatio(tv2, tv6);
		y = F.mul(tv1, u);
		y = F.mul(y, value);
		x = F.cmov(x, tv3, isValid);
		y = F.cmov(y, value, isValid);
		const e1 = F.isOdd(u) === F.isOdd(y);
		y = F.cmov(F.neg(y), y, e1);
		const tv4_inv = FpInvertBatch(F, [tv4], true)[0];
		x = F.mul(x, tv4_inv);
		return { x, y };
	};
}
;
const abstract_montgomery_0n =   BigInt(0);
const abstract_montgomery_1n =   BigInt(1);
const abstract_montgomery_2n =   BigInt(2);
function cmask(P, swap) {
	return P + swap - ((swap >> abstract_montgomery_1n) << abstract_montgomery_1n);
}
function cswap(P) {
	const offset = BigInt(6) * P;
	return (mask, x_2, x_3) => {
		const sum = x_2 + x_3;
		const d = offset + x_3 - x_2;
		const a = (d * mask + x_2) % P;
		return { x_2: a, x_3: sum - a };
	};
}
const __TEST =   Object.freeze({
	cmask,
	cswap,
});
function montgomery_validateOpts(curve) {
	_noble_curves_utils_validateObject(curve, {
		P: 'bigint',
		type: 'string',
		adjustScalarBytes: 'function',
		powPminus2: 'function',
	}, {
		randomBytes: 'function',
		scalarMultBase: 'function',
	});
	return Object.freeze({ ...curve });
}
function montgomery_montgomery(curveDef) {
	const CURVE = montgomery_validateOpts(curveDef);
	const { P, type, adjustScalarBytes, powPminus2, randomBytes: rand } = CURVE;
	const mulBaseHook = CURVE.scalarMultBase;
	const is25519 = type === 'x25519';
	if (!is25519 && type !== 'x448')
		throw new Error('invalid type');
	const randomBytes_ = rand === undefined ? curves_utils_randomBytes : rand;
	const montgomeryBits = is25519 ? 255 : 448;
	const swap = cswap(P);
	const fieldLen = is25519 ? 32 : 56;
	const Gu = is25519 ? BigInt(9) : BigInt(5);
	const a24 = is25519 ? BigInt(121665) : BigInt(39081);
	const minScalar = is25519 ? abstract_montgomery_2n ** BigInt(254) : abstract_montgomery_2n ** BigInt(447);
	const maxAdded = is25519
		? BigInt(8) * (abstract_montgomery_2n ** BigInt(251) - abstract_montgomery_1n)
		: BigInt(4) * (abstract_montgomery_2n ** BigInt(445) - abstract_montgomery_1n);
	const maxScalar = minScalar + maxAdded + abstract_montgomery_1n;
	const modP = (n) => abstract_modular_mod(n, P);
	const GuBytes = encodeU(Gu);
	function encodeU(u) {
		return utils_numberToBytesLE(modP(u), fieldLen);
	}
	function decodeU(u) {
		const _u = _noble_curves_utils_copyBytes(curves_utils_abytes(u, fieldLen, 'uCoordinate'));
		if (is25519)
			_u[31] &= 127;
		return modP(utils_bytesToNumberLE(_u));
	}
	function decodeScalar(scalar) {
		return utils_bytesToNumberLE(adjustScalarBytes(_noble_curves_utils_copyBytes(curves_utils_abytes(scalar, fieldLen, 'scalar'))));
	}
	const lowOrderU = new Set(is25519
		? [
			abstract_montgomery_0n,
			abstract_montgomery_1n,
			P - abstract_montgomery_1n,
			BigInt('325606250916557431795983626356110631294008115727848805560023387167927233504'),
			BigInt('39382357235489614581723060781553021112529911719440698176882885853963445705823'),
		]
		: [abstract_montgomery_0n, abstract_montgomery_1n, P - abstract_montgomery_1n]);
	function scalarMult(scalar, u) {
		const pointU = decodeU(u);
		if (lowOrderU.has(pointU))
			throw new Error('invalid private or public key received');
		const pu = montgomeryLadder(pointU, decodeScalar(scalar));
		if (pu === abstract_montgomery_0n)
			throw new Error('invalid private or public key received');
		return encodeU(pu);
	}
	function scalarMultBase(scalar) {
		if (mulBaseHook === undefined)
			return scalarMult(scalar, GuBytes);
		const k = decodeScalar(scalar);
		utils_aInRange('scalar', k, minScalar, maxScalar);
		const pu = modP(mulBaseHook(k));
		if (pu === abstract_montgomery_0n)
			throw new Error('invalid private or public key received');
		return encodeU(pu);
	}
	const getPublicKey = scalarMultBase;
	const getSharedSecret = scalarMult;
	function montgomeryLadder(u, scalar) {
		utils_aInRange('u', u, abstract_montgomery_0n, P);
		utils_aInRange('scalar', scalar, minScalar, maxScalar);
		const k = scalar;
		const x_1 = u;
		let x_2 = abstract_montgomery_1n;
		let z_2 = abstract_montgomery_0n;
		let x_3 = u;
		let z_3 = abstract_montgomery_1n;
		const kx = k ^ (k >> abstract_montgomery_1n);
		for (let t = BigInt(montgomeryBits - 1); t >= abstract_montgomery_0n; t--) {
			const mask = cmask(P, kx >> t);
			({ x_2, x_3 } = swap(mask, x_2, x_3));
			({ x_2: z_2, x_3: z_3 } = swap(mask, z_2, z_3));
			const A = x_2 + z_2;
			const AA = modP(A * A);
			const B = x_2 - z_2;
			const BB = modP(B * B);
			const E = AA - BB;
			const C = x_3 + z_3;
			const D = x_3 - z_3;
			const DA = modP(D * A);
			const CB = modP(C * B);
			const dacb = DA + CB;
			const da_cb = DA - CB;
			x_3 = modP(dacb * dacb);
			z_3 = modP(x_1 * modP(da_cb * da_cb));
			x_2 = modP(AA * BB);
			z_2 = modP(E * (AA + modP(a24 * E)));
		}
		const mask = cmask(P, k);
		({ x_2, x_3 } = swap(mask, x_2, x_3));
		({ x_2: z_2, x_3: z_3 } = swap(mask, z_2, z_3));
		const z2 = powPminus2(z_2);
		return modP(x_2 * z2);
	}
	const lengths = {
		secretKey: fieldLen,
		publicKey: fieldLen,
		seed: fieldLen,
	};
	const randomSecretKey = (seed) => {
		seed = seed === undefined ? randomBytes_(fieldLen) : seed;
		curves_utils_abytes(seed, lengths.seed, 'seed');
		return seed;
	};
	const utils = { randomSecretKey };
	Object.freeze(lengths);
	Object.freeze(utils);
	return Object.freeze({
		keygen: curve_createKeygen(randomSecretKey, getPublicKey),
		getSharedSecret,
		getPublicKey,
		scalarMult,
		scalarMultBase,
		utils,
		GuBytes: GuBytes.slice(),
		lengths,
	});
}
;
const curves_ed25519_0n =   BigInt(0), curves_ed25519_1n =   BigInt(1), curves_ed25519_2n =   BigInt(2), curves_ed25519_3n =   BigInt(3);
const curves_ed25519_5n =   BigInt(5), curves_ed25519_8n =   BigInt(8);
const ed25519_ed25519_CURVE_p =   BigInt('0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffed');
const ed25519_ed25519_CURVE =   (() => ({
	p: ed25519_ed25519_CURVE_p,
	n: BigInt('0x1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed'),
	h: curves_ed25519_8n,
	a: BigInt('0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec'),
	d: BigInt('0x52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3'),
	Gx: BigInt('0x216936d3cd6e53fec0a4e231fdd6dc5c692cc7609525a7b2c9562d608f25d51a'),
	Gy: BigInt('0x6666666666666666666666666666666666666666666666666666666666666658'),
}))();
function ed25519_ed25519_pow_2_252_3(x) {
	const _10n = BigInt(10), _20n = BigInt(20), _40n = BigInt(40), _80n = BigInt(80);
	const P = ed25519_ed25519_CURVE_p;
	const x2 = (x * x) % P;
	const b2 = (x2 * x) % P;
	const b4 = (modular_pow2(b2, curves_ed25519_2n, P) * b2) % P;
	const b5 = (modular_pow2(b4, curves_ed25519_1n, P) * x) % P;
	const b10 = (modular_pow2(b5, curves_ed25519_5n, P) * b5) % P;
	const b20 = (modular_pow2(b10, _10n, P) * b10) % P;
	const b40 = (modular_pow2(b20, _20n, P) * b20) % P;
	const b80 = (modular_pow2(b40, _40n, P) * b40) % P;
	const b160 = (modular_pow2(b80, _80n, P) * b80) % P;
	const b240 = (modular_pow2(b160, _80n, P) * b80) % P;
	const b250 = (modular_pow2(b240, _10n, P) * b10) % P;
	const pow_p_5_8 = (modular_pow2(b250, curves_ed25519_2n, P) * x) % P;
	return { pow_p_5_8, b2 };
}
function ed25519_adjustScalarBytes(bytes) {
	bytes[0] &= 248;
	bytes[31] &= 127;
	bytes[31] |= 64;
	return bytes;
}
const ed25519_ED25519_SQRT_M1 =   BigInt('19681161376707505956807079304988542015446066515923890162744021073123829784752');
function ed25519_uvRatio(u, v) {
	const P = ed25519_ed25519_CURVE_p;
	const v3 = abstract_modular_mod(v * v * v, P);
	const v7 = abstract_modular_mod(v3 * v3 * v, P);
	const pow = ed25519_ed25519_pow_2_252_3(u * v7).pow_p_5_8;
	let x = abstract_modular_mod(u * v3 * pow, P);
	const vx2 = abstract_modular_mod(v * x * x, P);
	const root1 = x;
	const root2 = abstract_modular_mod(x * ed25519_ED25519_SQRT_M1, P);
	const useRoot1 = vx2 === u;
	const useRoot2 = vx2 === abstract_modular_mod(-u, P);
	const noRoot = vx2 === abstract_modular_mod(-u * ed25519_ED25519_SQRT_M1, P);
	if (useRoot1)
		x = root1;
	if (useRoot2 || noRoot)
		x = root2;
	if (modular_isNegativeLE(x, P))
		x = abstract_modular_mod(-x, P);
	return { isValid: useRoot1 || useRoot2, value: x };
}
const ed25519_ed25519_Point =   edwards_edwards(ed25519_ed25519_CURVE, { uvRatio: ed25519_uvRatio });
const ed25519_Fp =   (() => ed25519_ed25519_Point.Fp)();
function toMontgomery(point) {
	const { y } = point;
	return ed25519_Fp.toBytes(ed25519_Fp.div(curves_ed25519_1n + y, curves_ed25519_1n - y));
}
function toMontgomerySecret(secretKey) {
	const size = ed25519_ed25519_Point.Fp.BYTES;
	utils_abytes(secretKey, size);
	return ed25519_adjustScalarBytes(sha2_sha512(secretKey.subarray(0, size))).subarray(0, size);
}
const ed25519_Fn =   (() => ed25519_ed25519_Point.Fn)();
function ed25519_ed25519_domain(data, ctx, phflag) {
	if (ctx.length > 255)
		throw new Error('Context is too big');
	return utils_concatBytes(curves_utils_asciiToBytes('SigEd25519 no Ed25519 collisions'), new Uint8Array([phflag ? 1 : 0, ctx.length]), ctx, data);
}
function ed25519_ed(opts) {
	return edwards_eddsa(ed25519_ed25519_Point, sha2_sha512, Object.assign({ adjustScalarBytes: ed25519_adjustScalarBytes, toMontgomery, toMontgomerySecret, zip215: true }, opts));
}
const ed25519_ed25519 =   ed25519_ed({});
const ed25519_ed25519ctx =   ed25519_ed({ domain: ed25519_ed25519_domain });
const ed25519_ed25519ph =   ed25519_ed({ domain: ed25519_ed25519_domain, prehash: sha2_sha512 });
const ed25519_FROST =   (  null && ((() => createFROST({
	name: 'FROST-ED25519-SHA512-v1',
	Point: ed25519_ed25519_Point,
	validatePoint: (p) => {
		p.assertValidity();
		if (!p.isTorsionFree())
			throw new Error('bad point: not torsion-free');
	},
	hash: sha512,
	H2: '',
}))()));
const ed25519_x25519 =   (() => {
	const P = ed25519_ed25519_CURVE_p;
	const powPminus2 = (x) => {
		const { pow_p_5_8, b2 } = ed25519_ed25519_pow_2_252_3(x);
		return abstract_modular_mod(modular_pow2(pow_p_5_8, curves_ed25519_3n, P) * b2, P);
	};
	return montgomery_montgomery({
		P,
		type: 'x25519',
		powPminus2,
		adjustScalarBytes: ed25519_adjustScalarBytes,
		scalarMultBase: (k) => {
			const kn = abstract_modular_mod(k, ed25519_ed25519_Point.Fn.ORDER);
			if (kn === curves_ed25519_0n)
				return curves_ed25519_0n;
			const p = ed25519_ed25519_Point.BASE.multiply(kn);
			return abstract_modular_mod((p.Z + p.Y) * powPminus2(abstract_modular_mod(p.Z - p.Y, P)), P);
		},
	});
})();
const ed25519_ELL2_C1 =   (  null && ((() => (ed25519_ed25519_CURVE_p + curves_ed25519_3n) / curves_ed25519_8n)()));
const ed25519_ELL2_C2 =   (  null && ((() => ed25519_Fp.pow(curves_ed25519_2n, ed25519_ELL2_C1))()));
const ed25519_ELL2_C3 =   (  null && ((() => ed25519_Fp.sqrt(ed25519_Fp.neg(ed25519_Fp.ONE)))()));
const ELL2_J =   (  null && (BigInt(486662)));
function ed25519_map_to_curve_elligator2_curve25519(u) {
	let tv1 = ed25519_Fp.sqr(u);
	tv1 = ed25519_Fp.mul(tv1, curves_ed25519_2n);
	let xd = ed25519_Fp.add(tv1, ed25519_Fp.ONE);
	let x1n = ed25519_Fp.neg(ELL2_J);
	let tv2 = ed25519_Fp.sqr(xd);
	let gxd = ed25519_Fp.mul(tv2, xd);
	let gx1 = ed25519_Fp.mul(tv1, ELL2_J);
	gx1 = ed25519_Fp.mul(gx1, x1n);
	gx1 = ed25519_Fp.add(gx1, tv2);
	gx1 = ed25519_Fp.mul(gx1, x1n);
	let tv3 = ed25519_Fp.sqr(gxd);
	tv2 = ed25519_Fp.sqr(tv3);
	tv3 = ed25519_Fp.mul(tv3, gxd);
	tv3 = ed25519_Fp.mul(tv3, gx1);
	tv2 = ed25519_Fp.mul(tv2, tv3);
	let y11 = ed25519_ed25519_pow_2_252_3(tv2).pow_p_5_8;
	y11 = ed25519_Fp.mul(y11, tv3);
	let y12 = ed25519_Fp.mul(y11, ed25519_ELL2_C3);
	tv2 = ed25519_Fp.sqr(y11);
	tv2 = ed25519_Fp.mul(tv2, gxd);
	let e1 = ed25519_Fp.eql(tv2, gx1);
	let y1 = ed25519_Fp.cmov(y12, y11, e1);
	let x2n = ed25519_Fp.mul(x1n, tv1);
	let y21 = ed25519_Fp.mul(y11, u);
	y21 = ed25519_Fp.mul(y21, ed25519_ELL2_C2);
	let y22 = ed25519_Fp.mul(y21, ed25519_ELL2_C3);
	let gx2 = ed25519_Fp.mul(gx1, tv1);
	tv2 = ed25519_Fp.sqr(y21);
	tv2 = ed25519_Fp.mul(tv2, gxd);
	let e2 = ed25519_Fp.eql(tv2, gx2);
	let y2 = ed25519_Fp.cmov(y22, y21, e2);
	tv2 = ed25519_Fp.sqr(y1);
	tv2 = ed25519_Fp.mul(tv2, gxd);
	let e3 = ed25519_Fp.eql(tv2, gx1);
	let xn = ed25519_Fp.cmov(x2n, x1n, e3);
	let y = ed25519_Fp.cmov(y2, y1, e3);
	let e4 = ed25519_Fp.isOdd(y);
	y = ed25519_Fp.cmov(y, ed25519_Fp.neg(y), e3 !== e4);
	return { xMn: xn, xMd: xd, yMn: y, yMd: curves_ed25519_1n };
}
const ed25519_ELL2_C1_EDWARDS =   (  null && ((() => FpSqrtEven(ed25519_Fp, ed25519_Fp.neg(BigInt(486664))))()));
function ed25519_map_to_curve_elligator2_edwards25519(u) {
	const { xMn, xMd, yMn, yMd } = ed25519_map_to_curve_elligator2_curve25519(u);
	let xn = ed25519_Fp.mul(xMn, yMd);
	xn = ed25519_Fp.mul(xn, ed25519_ELL2_C1_EDWARDS);
	let xd = ed25519_Fp.mul(xMd, yMn);
	let yn = ed25519_Fp.sub(xMn, xMd);
	let yd = ed25519_Fp.add(xMn, xMd);
	let tv1 = ed25519_Fp.mul(xd, yd);
	let e = ed25519_Fp.eql(tv1, ed25519_Fp.ZERO);
	xn = ed25519_Fp.cmov(xn, ed25519_Fp.ZERO, e);
	xd = ed25519_Fp.cmov(xd, ed25519_Fp.ONE, e);
	yn = ed25519_Fp.cmov(yn, ed25519_Fp.ONE, e);
	yd = ed25519_Fp.cmov(yd, ed25519_Fp.ONE, e);
	const [xd_inv, yd_inv] = FpInvertBatch(ed25519_Fp, [xd, yd], true);
	return { x: ed25519_Fp.mul(xn, xd_inv), y: ed25519_Fp.mul(yn, yd_inv) };
}
const ed25519_ed25519_hasher =   (  null && ((() => createHasher(ed25519_ed25519_Point, (scalars) => ed25519_map_to_curve_elligator2_edwards25519(scalars[0]), {
	DST: 'edwards25519_XMD:SHA-512_ELL2_RO_',
	encodeDST: 'edwards25519_XMD:SHA-512_ELL2_NU_',
	p: ed25519_ed25519_CURVE_p,
	m: 1,
	k: 128,
	expand: 'xmd',
	hash: sha512,
}))()));
const ed25519_SQRT_M1 = ed25519_ED25519_SQRT_M1;
const ed25519_SQRT_AD_MINUS_ONE =   BigInt('25063068953384623474111414158702152701244531502492656460079210482610430750235');
const ed25519_INVSQRT_A_MINUS_D =   BigInt('54469307008909316920995813868745141605393597292927456921205312896311721017578');
const ed25519_ONE_MINUS_D_SQ =   BigInt('1159843021668779879193775521855586647937357759715417654439879720876111806838');
const ed25519_D_MINUS_ONE_SQ =   BigInt('40440834346308536858101042469323190826248399146238708352240133220865137265952');
const ed25519_invertSqrt = (number) => ed25519_uvRatio(curves_ed25519_1n, number);
const ed25519_MAX_255B =   BigInt('0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff');
const ed25519_bytes255ToNumberLE = (bytes) => ed25519_Fp.create(utils_bytesToNumberLE(bytes) & ed25519_MAX_255B);
function ed25519_calcElligatorRistrettoMap(r0) {
	const { d } = ed25519_ed25519_CURVE;
	const r = ed25519_Fp.mul(ed25519_Fp.mulN(ed25519_SQRT_M1, r0), r0);
	const Ns = ed25519_Fp.mul(ed25519_Fp.addN(r, curves_ed25519_1n), ed25519_ONE_MINUS_D_SQ);
	let c = BigInt(-1);
	const D = ed25519_Fp.mul(ed25519_Fp.subN(c, ed25519_Fp.mulN(d, r)), ed25519_Fp.add(r, d));
	let { isValid: Ns_D_is_sq, value: s } = ed25519_uvRatio(Ns, D);
	let s_ = ed25519_Fp.mul(s, r0);
	if (!ed25519_Fp.isOdd(s_))
		s_ = ed25519_Fp.neg(s_);
	if (!Ns_D_is_sq)
		s = s_;
	if (!Ns_D_is_sq)
		c = r;
	const Nt = ed25519_Fp.sub(ed25519_Fp.mulN(ed25519_Fp.mulN(c, ed25519_Fp.subN(r, curves_ed25519_1n)), ed25519_D_MINUS_ONE_SQ), D);
	const s2 = ed25519_Fp.sqrN(s);
	const W0 = ed25519_Fp.mul(ed25519_Fp.addN(s, s), D);
	const W1 = ed25519_Fp.mul(Nt, ed25519_SQRT_AD_MINUS_ONE);
	const W2 = ed25519_Fp.sub(curves_ed25519_1n, s2);
	const W3 = ed25519_Fp.add(curves_ed25519_1n, s2);
	return new ed25519_ed25519_Point(ed25519_Fp.mul(W0, W3), ed25519_Fp.mul(W2, W1), ed25519_Fp.mul(W1, W3), ed25519_Fp.mul(W0, W2));
}
class ed25519_RistrettoPoint extends edwards_PrimeEdwardsPoint {
	static BASE =
	  (() => new ed25519_RistrettoPoint(ed25519_ed25519_Point.BASE))();
	static ZERO =
	  (() => new ed25519_RistrettoPoint(ed25519_ed25519_Point.ZERO))();
	static Fp =
	  (() => ed25519_Fp)();
	static Fn =
	  (() => ed25519_Fn)();
	constructor(ep) {
		super(ep);
	}
	static fromAffine(ap) {
		return new ed25519_RistrettoPoint(ed25519_ed25519_Point.fromAffine(ap));
	}
	assertSame(other) {
		if (!(other instanceof ed25519_RistrettoPoint))
			throw new Error('RistrettoPoint expected');
	}
	init(ep) {
		return new ed25519_RistrettoPoint(ep);
	}
	static fromBytes(bytes) {
		utils_abytes(bytes, 32);
		const { a, d } = ed25519_ed25519_CURVE;
		const s = ed25519_bytes255ToNumberLE(bytes);
		if (!curves_utils_equalBytes(ed25519_Fp.toBytes(s), bytes) || ed25519_Fp.isOdd(s))
			throw new Error('invalid ristretto255 encoding 1');
		const s2 = ed25519_Fp.sqr(s);
		const u1 = ed25519_Fp.add(curves_ed25519_1n, ed25519_Fp.mulN(a, s2));
		const u2 = ed25519_Fp.sub(curves_ed25519_1n, ed25519_Fp.mulN(a, s2));
		const u1_2 = ed25519_Fp.sqr(u1);
		const u2_2 = ed25519_Fp.sqr(u2);
		const v = ed25519_Fp.sub(ed25519_Fp.mulN(ed25519_Fp.mulN(a, d), u1_2), u2_2);
		const { isValid, value: I } = ed25519_invertSqrt(ed25519_Fp.mul(v, u2_2));
		const Dx = ed25519_Fp.mul(I, u2);
		const Dy = ed25519_Fp.mul(ed25519_Fp.mulN(I, Dx), v);
		let x = ed25519_Fp.mul(ed25519_Fp.addN(s, s), Dx);
		if (ed25519_Fp.isOdd(x))
			x = ed25519_Fp.neg(x);
		const y = ed25519_Fp.mul(u1, Dy);
		const t = ed25519_Fp.mul(x, y);
		if (!isValid || ed25519_Fp.isOdd(t) || ed25519_Fp.is0(y))
			throw new Error('invalid ristretto255 encoding 2');
		return new ed25519_RistrettoPoint(new ed25519_ed25519_Point(x, y, ed25519_Fp.ONE, t));
	}
	static fromHex(hex) {
		return ed25519_RistrettoPoint.fromBytes(hexToBytes(hex));
	}
	toBytes() {
		let { X, Y, Z, T } = this.ep;
		const u1 = ed25519_Fp.mul(ed25519_Fp.add(Z, Y), ed25519_Fp.sub(Z, Y));
		const u2 = ed25519_Fp.mul(X, Y);
		const u2sq = ed25519_Fp.sqr(u2);
		const { value: invsqrt } = ed25519_invertSqrt(ed25519_Fp.mul(u1, u2sq));
		const D1 = ed25519_Fp.mul(invsqrt, u1);
		const D2 = ed25519_Fp.mul(invsqrt, u2);
		const zInv = ed25519_Fp.mul(ed25519_Fp.mulN(D1, D2), T);
		let D;
		if (ed25519_Fp.isOdd(ed25519_Fp.mul(T, zInv))) {
			let _x = ed25519_Fp.mul(Y, ed25519_SQRT_M1);
			let _y = ed25519_Fp.mul(X, ed25519_SQRT_M1);
			X = _x;
			Y = _y;
			D = ed25519_Fp.mul(D1, ed25519_INVSQRT_A_MINUS_D);
		}
		else {
			D = D2;
		}
		if (ed25519_Fp.isOdd(ed25519_Fp.mul(X, zInv)))
			Y = ed25519_Fp.neg(Y);
		let s = ed25519_Fp.mul(ed25519_Fp.subN(Z, Y), D);
		if (ed25519_Fp.isOdd(s))
			s = ed25519_Fp.neg(s);
		return ed25519_Fp.toBytes(s);
	}
	equals(other) {
		this.assertSame(other);
		const { X: X1, Y: Y1 } = this.ep;
		const { X: X2, Y: Y2 } = other.ep;
		const one = ed25519_Fp.eql(ed25519_Fp.mul(X1, Y2), ed25519_Fp.mul(Y1, X2));
		const two = ed25519_Fp.eql(ed25519_Fp.mul(Y1, Y2), ed25519_Fp.mul(X1, X2));
		return one || two;
	}
	is0() {
		return this.equals(ed25519_RistrettoPoint.ZERO);
	}
}
const ed25519_ristretto255 =   (  null && ((() => {
	Object.freeze(ed25519_RistrettoPoint.BASE);
	Object.freeze(ed25519_RistrettoPoint.ZERO);
	Object.freeze(ed25519_RistrettoPoint.prototype);
	Object.freeze(ed25519_RistrettoPoint);
	return Object.freeze({ Point: ed25519_RistrettoPoint });
})()));
const ed25519_ristretto255_hasher =
  Object.freeze({
	Point: ed25519_RistrettoPoint,
	hashToCurve(msg, options) {
		const DST = options?.DST === undefined ? 'ristretto255_XMD:SHA-512_R255MAP_RO_' : options.DST;
		const xmd = hash_to_curve_expand_message_xmd(msg, DST, 64, sha2_sha512);
		return ed25519_ristretto255_hasher.deriveToCurve(xmd);
	},
	hashToScalar(msg, options) {
		const DST = options?.DST === undefined ? hash_to_curve_DST_scalar : options.DST;
		const xmd = hash_to_curve_expand_message_xmd(msg, DST, 64, sha2_sha512);
		return ed25519_Fn.create(utils_bytesToNumberLE(xmd));
	},
	deriveToCurve(bytes) {
		utils_abytes(bytes, 64);
		const r1 = ed25519_bytes255ToNumberLE(bytes.subarray(0, 32));
		const R1 = ed25519_calcElligatorRistrettoMap(r1);
		const r2 = ed25519_bytes255ToNumberLE(bytes.subarray(32, 64));
		const R2 = ed25519_calcElligatorRistrettoMap(r2);
		return new ed25519_RistrettoPoint(R1.add(R2));
	},
});
const ed25519_ristretto255_oprf =   (  null && ((() => createOPRF({
	name: 'ristretto255-SHA512',
	Point: ed25519_RistrettoPoint,
	hash: sha512,
	hashToGroup: ed25519_ristretto255_hasher.hashToCurve,
	hashToScalar: ed25519_ristretto255_hasher.hashToScalar,
}))()));
const ristretto255_FROST =   (  null && ((() => createFROST({
	name: 'FROST-RISTRETTO255-SHA512-v1',
	Point: ed25519_RistrettoPoint,
	validatePoint: (p) => {
		p.assertValidity();
	},
	hash: sha512,
}))()));
const ed25519_ED25519_TORSION_SUBGROUP =   (  null && (Object.freeze([
	'0100000000000000000000000000000000000000000000000000000000000000',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
	'0000000000000000000000000000000000000000000000000000000000000080',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
	'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
	'26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
	'0000000000000000000000000000000000000000000000000000000000000000',
	'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
])));
;
const exportable = false;
let webCryptoOff = false;
function forceWebCryptoOff(off) {
	webCryptoOff = off;
}
async function webCryptoFallback(func, fallback) {
	if (webCryptoOff) {
		return await fallback();
	}
	try {
		return await func();
	}
	catch (error) {
		if (error instanceof ReferenceError ||
			error instanceof DOMException && error.name === "NotSupportedError") {
			return await fallback();
		}
		else {
			throw error;
		}
	}
}
async function scalarMult(scalar, u) {
	return await webCryptoFallback(async () => {
		const key = isCryptoKey(scalar) ? scalar : await importX25519Key(scalar);
		const peer = await crypto.subtle.importKey("raw", domBuffer(u), { name: "X25519" }, exportable, []);
		return new Uint8Array(await crypto.subtle.deriveBits({ name: "X25519", public: peer }, key, 256));
	}, () => {
		if (isCryptoKey(scalar)) {
			throw new Error("CryptoKey provided but X25519 WebCrypto is not supported");
		}
		return ed25519_x25519.scalarMult(scalar, u);
	});
}
async function scalarMultBase(scalar) {
	return await webCryptoFallback(async () => {
		return scalarMult(scalar, ed25519_x25519.GuBytes);
	}, () => {
		if (isCryptoKey(scalar)) {
			throw new Error("CryptoKey provided but X25519 WebCrypto is not supported");
		}
		return ed25519_x25519.scalarMultBase(scalar);
	});
}
const pkcs8Prefix =   new Uint8Array([
	0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
	0x03, 0x2b, 0x65, 0x6e, 0x04, 0x22, 0x04, 0x20
]);
async function importX25519Key(key) {
	if (key.length !== 32) {
		throw new Error("X25519 private key must be 32 bytes");
	}
	const pkcs8 = new Uint8Array([...pkcs8Prefix, ...key]);
	return crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, exportable, ["deriveBits"]);
}
function isCryptoKey(key) {
	return typeof CryptoKey !== "undefined" && key instanceof CryptoKey;
}
function domBuffer(arr) {
	return arr;
}
;
class LineReader {
	s;
	transcript = [];
	buf = new Uint8Array(0);
	constructor(stream) {
		this.s = stream.getReader();
	}
	async readLine() {
		const line = [];
		while (true) {
			const i = this.buf.indexOf("\n".charCodeAt(0));
			if (i >= 0) {
				line.push(this.buf.subarray(0, i));
				this.transcript.push(this.buf.subarray(0, i + 1));
				this.buf = this.buf.subarray(i + 1);
				return asciiString(flatten(line));
			}
			if (this.buf.length > 0) {
				line.push(this.buf);
				this.transcript.push(this.buf);
			}
			const next = await this.s.read();
			if (next.done) {
				this.buf = flatten(line);
				return null;
			}
			this.buf = next.value;
		}
	}
	close() {
		this.s.releaseLock();
		return { rest: this.buf, transcript: flatten(this.transcript) };
	}
}
function asciiString(bytes) {
	bytes.forEach((b) => {
		if (b < 32 || b > 126) {
			throw Error("invalid non-ASCII byte in header");
		}
	});
	return new TextDecoder().decode(bytes);
}
function flatten(arr) {
	const len = arr.reduce(((sum, line) => sum + line.length), 0);
	const out = new Uint8Array(len);
	let n = 0;
	for (const a of arr) {
		out.set(a, n);
		n += a.length;
	}
	return out;
}
function prepend(s, ...prefixes) {
	return s.pipeThrough(new TransformStream({
		start(controller) {
			for (const p of prefixes) {
				controller.enqueue(p);
			}
		}
	}));
}
function stream(a) {
	return new ReadableStream({
		start(controller) {
			controller.enqueue(a);
			controller.close();
		}
	});
}
async function readAll(stream) {
	if (!(stream instanceof ReadableStream)) {
		throw new Error("readAll expects a ReadableStream<Uint8Array>");
	}
	return new Uint8Array(await new Response(stream).arrayBuffer());
}
async function readAllString(stream) {
	if (!(stream instanceof ReadableStream)) {
		throw new Error("readAllString expects a ReadableStream<Uint8Array>");
	}
	return await new Response(stream).text();
}
async function read(stream, n) {
	const reader = stream.getReader();
	const chunks = [];
	let readBytes = 0;
	while (readBytes < n) {
		const { done, value } = await reader.read();
		if (done) {
			throw Error("stream ended before reading " + n.toString() + " bytes");
		}
		chunks.push(value);
		readBytes += value.length;
	}
	reader.releaseLock();
	const buf = flatten(chunks);
	const data = buf.subarray(0, n);
	const rest = prepend(stream, buf.subarray(n));
	return { data, rest };
}
function randomBytesStream(n, chunk) {
	return new ReadableStream({
		start(controller) {
			for (let i = 0; i < n; i += chunk) {
				controller.enqueue(randomBytes(Math.min(chunk, n - i)));
			}
			controller.close();
		}
	});
}
;
class format_Stanza {
	args;
	body;
	constructor(args, body) {
		this.args = args;
		this.body = body;
	}
}
async function parseNextStanza(hdr) {
	const argsLine = await hdr.readLine();
	if (argsLine === null) {
		throw Error("invalid stanza");
	}
	const args = argsLine.split(" ");
	if (args.length < 2 || args.shift() !== "->") {
		return { next: argsLine };
	}
	for (const arg of args) {
		if (arg.length === 0) {
			throw Error("invalid stanza");
		}
	}
	const bodyLines = [];
	for (;;) {
		const nextLine = await hdr.readLine();
		if (nextLine === null) {
			throw Error("invalid stanza");
		}
		const line = base_base64nopad.decode(nextLine);
		if (line.length > 48) {
			throw Error("invalid stanza");
		}
		bodyLines.push(line);
		if (line.length < 48) {
			break;
		}
	}
	const body = flatten(bodyLines);
	return { s: new format_Stanza(args, body) };
}
async function parseHeader(header) {
	const hdr = new LineReader(header);
	const versionLine = await hdr.readLine();
	if (versionLine !== "age-encryption.org/v1") {
		throw Error("invalid version " + (versionLine ?? "line"));
	}
	const stanzas = [];
	for (;;) {
		const { s, next: macLine } = await parseNextStanza(hdr);
		if (s !== undefined) {
			stanzas.push(s);
			continue;
		}
		if (!macLine.startsWith("--- ")) {
			throw Error("invalid header");
		}
		const MAC = base_base64nopad.decode(macLine.slice(4));
		const { rest, transcript } = hdr.close();
		const headerNoMAC = transcript.slice(0, transcript.length - 1 - macLine.length + 3);
		return { stanzas, headerNoMAC, MAC, headerSize: transcript.length, rest: prepend(header, rest) };
	}
}
function encodeHeaderNoMAC(recipients) {
	const lines = [];
	lines.push("age-encryption.org/v1\n");
	for (const s of recipients) {
		lines.push("-> " + s.args.join(" ") + "\n");
		for (let i = 0; i < s.body.length; i += 48) {
			let end = i + 48;
			if (end > s.body.length)
				end = s.body.length;
			lines.push(base_base64nopad.encode(s.body.subarray(i, end)) + "\n");
		}
		if (s.body.length % 48 === 0)
			lines.push("\n");
	}
	lines.push("---");
	return new TextEncoder().encode(lines.join(""));
}
function encodeHeader(recipients, MAC) {
	return flatten([
		encodeHeaderNoMAC(recipients),
		new TextEncoder().encode(" " + base_base64nopad.encode(MAC) + "\n")
	]);
}
;
function generateIdentity() {
	return generateX25519Identity();
}
function generateX25519Identity() {
	const scalar = randomBytes(32);
	const identity = bech32.encodeFromBytes("AGE-SECRET-KEY-", scalar).toUpperCase();
	return Promise.resolve(identity);
}
function generateHybridIdentity() {
	const scalar = randomBytes(32);
	const identity = bech32.encodeFromBytes("AGE-SECRET-KEY-PQ-", scalar).toUpperCase();
	return Promise.resolve(identity);
}
async function identityToRecipient(identity) {
	let scalar;
	if (recipients_isCryptoKey(identity)) {
		scalar = identity;
	}
	else if (identity.startsWith("AGE-SECRET-KEY-PQ-1")) {
		const res = base_bech32.decodeToBytes(identity);
		if (res.prefix.toUpperCase() !== "AGE-SECRET-KEY-PQ-" ||
			res.bytes.length !== 32) {
			throw Error("invalid identity");
		}
		const recipient = MLKEM768X25519.getPublicKey(res.bytes);
		return base_bech32.encode("age1pq", base_bech32.toWords(recipient), false);
	}
	else {
		const res = base_bech32.decodeToBytes(identity);
		if (!identity.startsWith("AGE-SECRET-KEY-1") ||
			res.prefix.toUpperCase() !== "AGE-SECRET-KEY-" ||
			res.bytes.length !== 32) {
			throw Error("invalid identity");
		}
		scalar = res.bytes;
	}
	const recipient = await scalarMultBase(scalar);
	return base_bech32.encodeFromBytes("age", recipient);
}
class HybridRecipient {
	recipient;
	constructor(s) {
		const { prefix, words } = base_bech32.decode(s, false);
		const bytes = base_bech32.fromWords(words);
		if (!s.startsWith("age1pq1") ||
			prefix.toLowerCase() !== "age1pq" ||
			bytes.length !== 1216) {
			throw Error("invalid recipient");
		}
		this.recipient = bytes;
	}
	wrapFileKey(fileKey) {
		const { cipherText: encapsulatedKey, sharedSecret } = MLKEM768X25519.encapsulate(this.recipient);
		const label = new TextEncoder().encode("age-encryption.org/mlkem768x25519");
		const { key, nonce } = hpkeContext(hpkeMLKEM768X25519, sharedSecret, label);
		const ciphertext = chacha20poly1305(key, nonce).encrypt(fileKey);
		return [new format_Stanza(["mlkem768x25519", base_base64nopad.encode(encapsulatedKey)], ciphertext)];
	}
}
class HybridIdentity {
	identity;
	constructor(s) {
		const res = base_bech32.decodeToBytes(s);
		if (!s.startsWith("AGE-SECRET-KEY-PQ-1") ||
			res.prefix.toUpperCase() !== "AGE-SECRET-KEY-PQ-" ||
			res.bytes.length !== 32) {
			throw Error("invalid identity");
		}
		this.identity = res.bytes;
	}
	unwrapFileKey(stanzas) {
		for (const s of stanzas) {
			if (s.args.length < 1 || s.args[0] !== "mlkem768x25519") {
				continue;
			}
			if (s.args.length !== 2) {
				throw Error("invalid mlkem768x25519 stanza");
			}
			const share = base_base64nopad.decode(s.args[1]);
			if (share.length !== 1120) {
				throw Error("invalid mlkem768x25519 stanza");
			}
			if (s.body.length !== 32) {
				throw Error("invalid mlkem768x25519 stanza");
			}
			const sharedSecret = MLKEM768X25519.decapsulate(share, this.identity);
			const label = new TextEncoder().encode("age-encryption.org/mlkem768x25519");
			const { key, nonce } = hpkeContext(hpkeMLKEM768X25519, sharedSecret, label);
			try {
				return chacha20poly1305(key, nonce).decrypt(s.body);
			}
			catch {
				continue;
			}
		}
		return null;
	}
}
const hpkeMLKEM768X25519 = 0x647a;
const hpkeMLKEM768P256 = 0x0050;
const hpkeDHKEMP256 = 0x0010;
function hpkeContext(kemID, sharedSecret, info) {
	const suiteID = hpkeSuiteID(kemID);
	const pskIDHash = hpkeLabeledExtract(suiteID, undefined, "psk_id_hash", new Uint8Array(0));
	const infoHash = hpkeLabeledExtract(suiteID, undefined, "info_hash", info);
	const ksContext = new Uint8Array(1 + pskIDHash.length + infoHash.length);
	ksContext[0] = 0x00;
	ksContext.set(pskIDHash, 1);
	ksContext.set(infoHash, 1 + pskIDHash.length);
	const secret = hpkeLabeledExtract(suiteID, sharedSecret, "secret", new Uint8Array(0));
	const key = hpkeLabeledExpand(suiteID, secret, "key", ksContext, 32);
	const nonce = hpkeLabeledExpand(suiteID, secret, "base_nonce", ksContext, 12);
	return { key, nonce };
}
function hpkeSuiteID(kemID) {
	const suiteID = new Uint8Array(10);
	suiteID.set(new TextEncoder().encode("HPKE"), 0);
	suiteID[4] = (kemID >> 8) & 0xff;
	suiteID[5] = kemID & 0xff;
	suiteID[6] = 0x00;
	suiteID[7] = 0x01;
	suiteID[8] = 0x00;
	suiteID[9] = 0x03;
	return suiteID;
}
function hpkeLabeledExtract(suiteID, salt, label, ikm) {
	const labeledIKM = new Uint8Array(7 + suiteID.length + label.length + ikm.length);
	let offset = 0;
	labeledIKM.set(new TextEncoder().encode("HPKE-v1"), offset);
	offset += "HPKE-v1".length;
	labeledIKM.set(suiteID, offset);
	offset += suiteID.length;
	labeledIKM.set(new TextEncoder().encode(label), offset);
	offset += label.length;
	labeledIKM.set(ikm, offset);
	return hkdf_extract(sha2_sha256, labeledIKM, salt);
}
function hpkeLabeledExpand(suiteID, prk, label, info, length) {
	const labeledInfo = new Uint8Array(2 + 7 + suiteID.length + label.length + info.length);
	let offset = 0;
	labeledInfo[offset] = (length >> 8) & 0xff;
	labeledInfo[offset + 1] = length & 0xff;
	offset += 2;
	labeledInfo.set(new TextEncoder().encode("HPKE-v1"), offset);
	offset += "HPKE-v1".length;
	labeledInfo.set(suiteID, offset);
	offset += suiteID.length;
	labeledInfo.set(new TextEncoder().encode(label), offset);
	offset += label.length;
	labeledInfo.set(info, offset);
	return expand(sha2_sha256, prk, labeledInfo, length);
}
function hpkeDHKEMP256Encapsulate(recipient) {
	if (recipient.length !== nist_p256.lengths.publicKeyUncompressed) {
		recipient = nist_p256.Point.fromBytes(recipient).toBytes(false);
	}
	const ephemeral = nist_p256.utils.randomSecretKey();
	const encapsulatedKey = nist_p256.getPublicKey(ephemeral, false);
	const ss = nist_p256.getSharedSecret(ephemeral, recipient, true).subarray(1);
	const kemContext = new Uint8Array(encapsulatedKey.length + recipient.length);
	kemContext.set(encapsulatedKey, 0);
	kemContext.set(recipient, encapsulatedKey.length);
	const suiteID = new Uint8Array(5);
	suiteID.set(new TextEncoder().encode("KEM"), 0);
	suiteID[3] = hpkeDHKEMP256 >> 8;
	suiteID[4] = hpkeDHKEMP256 & 0xff;
	const eaePRK = hpkeLabeledExtract(suiteID, undefined, "eae_prk", ss);
	const sharedSecret = hpkeLabeledExpand(suiteID, eaePRK, "shared_secret", kemContext, 32);
	return { encapsulatedKey, sharedSecret };
}
class TagRecipient {
	recipient;
	constructor(s) {
		const res = base_bech32.decodeToBytes(s);
		if (!s.startsWith("age1tag1") ||
			res.prefix.toLowerCase() !== "age1tag" ||
			res.bytes.length !== 33) {
			throw Error("invalid recipient");
		}
		this.recipient = res.bytes;
	}
	wrapFileKey(fileKey) {
		const { encapsulatedKey, sharedSecret } = hpkeDHKEMP256Encapsulate(this.recipient);
		const label = new TextEncoder().encode("age-encryption.org/p256tag");
		const tag = (() => {
			const recipientHash = sha2_sha256(this.recipient).subarray(0, 4);
			const ikm = new Uint8Array(encapsulatedKey.length + recipientHash.length);
			ikm.set(encapsulatedKey, 0);
			ikm.set(recipientHash, encapsulatedKey.length);
			return hkdf_extract(sha2_sha256, ikm, label).subarray(0, 4);
		})();
		const { key, nonce } = hpkeContext(hpkeDHKEMP256, sharedSecret, label);
		const ciphertext = chacha20poly1305(key, nonce).encrypt(fileKey);
		return [new format_Stanza(["p256tag", base_base64nopad.encode(tag), base_base64nopad.encode(encapsulatedKey)], ciphertext)];
	}
}
class HybridTagRecipient {
	recipient;
	constructor(s) {
		const { prefix, words } = base_bech32.decode(s, false);
		const bytes = base_bech32.fromWords(words);
		if (!s.startsWith("age1tagpq1") ||
			prefix.toLowerCase() !== "age1tagpq" ||
			bytes.length !== 1249) {
			throw Error("invalid recipient");
		}
		this.recipient = bytes;
	}
	wrapFileKey(fileKey) {
		const { cipherText: encapsulatedKey, sharedSecret } = MLKEM768P256.encapsulate(this.recipient);
		const label = new TextEncoder().encode("age-encryption.org/mlkem768p256tag");
		const tag = (() => {
			const recipientHash = sha2_sha256(this.recipient.subarray(1184)).subarray(0, 4);
			const ikm = new Uint8Array(encapsulatedKey.length + recipientHash.length);
			ikm.set(encapsulatedKey, 0);
			ikm.set(recipientHash, encapsulatedKey.length);
			return hkdf_extract(sha2_sha256, ikm, label).subarray(0, 4);
		})();
		const { key, nonce } = hpkeContext(hpkeMLKEM768P256, sharedSecret, label);
		const ciphertext = chacha20poly1305(key, nonce).encrypt(fileKey);
		return [new format_Stanza(["mlkem768p256tag", base_base64nopad.encode(tag), base_base64nopad.encode(encapsulatedKey)], ciphertext)];
	}
}
class X25519Recipient {
	recipient;
	constructor(s) {
		const res = base_bech32.decodeToBytes(s);
		if (!s.startsWith("age1") ||
			res.prefix.toLowerCase() !== "age" ||
			res.bytes.length !== 32) {
			throw Error("invalid recipient");
		}
		this.recipient = res.bytes;
	}
	async wrapFileKey(fileKey) {
		const ephemeral = utils_randomBytes(32);
		const share = await scalarMultBase(ephemeral);
		const secret = await scalarMult(ephemeral, this.recipient);
		const salt = new Uint8Array(share.length + this.recipient.length);
		salt.set(share);
		salt.set(this.recipient, share.length);
		const label = new TextEncoder().encode("age-encryption.org/v1/X25519");
		const key = hkdf(sha2_sha256, secret, salt, label, 32);
		return [new format_Stanza(["X25519", base_base64nopad.encode(share)], recipients_encryptFileKey(fileKey, key))];
	}
}
class X25519Identity {
	identity;
	recipient;
	constructor(s) {
		if (recipients_isCryptoKey(s)) {
			this.identity = s;
			this.recipient = scalarMultBase(s);
			return;
		}
		const res = base_bech32.decodeToBytes(s);
		if (!s.startsWith("AGE-SECRET-KEY-1") ||
			res.prefix.toUpperCase() !== "AGE-SECRET-KEY-" ||
			res.bytes.length !== 32) {
			throw Error("invalid identity");
		}
		this.identity = res.bytes;
		this.recipient = scalarMultBase(res.bytes);
	}
	async unwrapFileKey(stanzas) {
		for (const s of stanzas) {
			if (s.args.length < 1 || s.args[0] !== "X25519") {
				continue;
			}
			if (s.args.length !== 2) {
				throw Error("invalid X25519 stanza");
			}
			const share = base_base64nopad.decode(s.args[1]);
			if (share.length !== 32) {
				throw Error("invalid X25519 stanza");
			}
			const secret = await scalarMult(this.identity, share);
			const recipient = await this.recipient;
			const salt = new Uint8Array(share.length + recipient.length);
			salt.set(share);
			salt.set(recipient, share.length);
			const label = new TextEncoder().encode("age-encryption.org/v1/X25519");
			const key = hkdf(sha2_sha256, secret, salt, label, 32);
			const fileKey = recipients_decryptFileKey(s.body, key);
			if (fileKey !== null)
				return fileKey;
		}
		return null;
	}
}
class ScryptRecipient {
	passphrase;
	logN;
	constructor(passphrase, logN) {
		this.passphrase = passphrase;
		this.logN = logN;
	}
	wrapFileKey(fileKey) {
		const salt = utils_randomBytes(16);
		const label = "age-encryption.org/v1/scrypt";
		const labelAndSalt = new Uint8Array(label.length + 16);
		labelAndSalt.set(new TextEncoder().encode(label));
		labelAndSalt.set(salt, label.length);
		const key = scrypt(this.passphrase, labelAndSalt, { N: 2 ** this.logN, r: 8, p: 1, dkLen: 32 });
		return [new format_Stanza(["scrypt", base_base64nopad.encode(salt), this.logN.toString()], recipients_encryptFileKey(fileKey, key))];
	}
}
class ScryptIdentity {
	passphrase;
	constructor(passphrase) {
		this.passphrase = passphrase;
	}
	unwrapFileKey(stanzas) {
		for (const s of stanzas) {
			if (s.args.length < 1 || s.args[0] !== "scrypt") {
				continue;
			}
			if (stanzas.length !== 1) {
				throw Error("scrypt recipient is not the only one in the header");
			}
			if (s.args.length !== 3) {
				throw Error("invalid scrypt stanza");
			}
			if (!/^[1-9][0-9]*$/.test(s.args[2])) {
				throw Error("invalid scrypt stanza");
			}
			const salt = base_base64nopad.decode(s.args[1]);
			if (salt.length !== 16) {
				throw Error("invalid scrypt stanza");
			}
			const logN = Number(s.args[2]);
			if (logN > 20) {
				throw Error("scrypt work factor is too high");
			}
			const label = "age-encryption.org/v1/scrypt";
			const labelAndSalt = new Uint8Array(label.length + 16);
			labelAndSalt.set(new TextEncoder().encode(label));
			labelAndSalt.set(salt, label.length);
			const key = scrypt(this.passphrase, labelAndSalt, { N: 2 ** logN, r: 8, p: 1, dkLen: 32 });
			const fileKey = recipients_decryptFileKey(s.body, key);
			if (fileKey !== null)
				return fileKey;
		}
		return null;
	}
}
function recipients_encryptFileKey(fileKey, key) {
	const nonce = new Uint8Array(12);
	return chacha20poly1305(key, nonce).encrypt(fileKey);
}
function recipients_decryptFileKey(body, key) {
	if (body.length !== 32) {
		throw Error("invalid stanza");
	}
	const nonce = new Uint8Array(12);
	try {
		return chacha20poly1305(key, nonce).decrypt(body);
	}
	catch {
		return null;
	}
}
function recipients_isCryptoKey(key) {
	return typeof CryptoKey !== "undefined" && key instanceof CryptoKey;
}
;
const chacha20poly1305Overhead = 16;
const chunkSize =   (() => 64 * 1024)();
const chunkSizeWithOverhead =   (() => chunkSize + chacha20poly1305Overhead)();
function decryptSTREAM(key) {
	const streamNonce = new Uint8Array(12);
	const incNonce = () => {
		for (let i = streamNonce.length - 2; i >= 0; i--) {
			streamNonce[i]++;
			if (streamNonce[i] !== 0)
				break;
		}
	};
	let firstChunk = true;
	const ciphertextBuffer = new Uint8Array(chunkSizeWithOverhead);
	let ciphertextBufferUsed = 0;
	return new TransformStream({
		transform(chunk, controller) {
			while (chunk.length > 0) {
				if (ciphertextBufferUsed === ciphertextBuffer.length) {
					const decryptedChunk = chacha20poly1305(key, streamNonce)
						.decrypt(ciphertextBuffer);
					controller.enqueue(decryptedChunk);
					incNonce();
					ciphertextBufferUsed = 0;
					firstChunk = false;
				}
				const n = Math.min(ciphertextBuffer.length - ciphertextBufferUsed, chunk.length);
				ciphertextBuffer.set(chunk.subarray(0, n), ciphertextBufferUsed);
				ciphertextBufferUsed += n;
				chunk = chunk.subarray(n);
			}
		},
		flush(controller) {
			streamNonce[11] = 1;
			const decryptedChunk = chacha20poly1305(key, streamNonce)
				.decrypt(ciphertextBuffer.subarray(0, ciphertextBufferUsed));
			if (!firstChunk && decryptedChunk.length === 0) {
				throw new Error("final chunk is empty");
			}
			controller.enqueue(decryptedChunk);
		},
	});
}
function plaintextSize(ciphertextSize) {
	if (ciphertextSize < chacha20poly1305Overhead) {
		throw Error("ciphertext is too small");
	}
	if (ciphertextSize === chacha20poly1305Overhead) {
		return 0;
	}
	const fullChunks = Math.floor(ciphertextSize / chunkSizeWithOverhead);
	const lastChunk = ciphertextSize % chunkSizeWithOverhead;
	if (0 < lastChunk && lastChunk <= chacha20poly1305Overhead) {
		throw Error("ciphertext size is invalid");
	}
	let size = ciphertextSize;
	size -= fullChunks * chacha20poly1305Overhead;
	size -= lastChunk > 0 ? chacha20poly1305Overhead : 0;
	return size;
}
function encryptSTREAM(key) {
	const streamNonce = new Uint8Array(12);
	const incNonce = () => {
		for (let i = streamNonce.length - 2; i >= 0; i--) {
			streamNonce[i]++;
			if (streamNonce[i] !== 0)
				break;
		}
	};
	const plaintextBuffer = new Uint8Array(chunkSize);
	let plaintextBufferUsed = 0;
	return new TransformStream({
		transform(chunk, controller) {
			while (chunk.length > 0) {
				if (plaintextBufferUsed === plaintextBuffer.length) {
					const encryptedChunk = chacha20poly1305(key, streamNonce)
						.encrypt(plaintextBuffer);
					controller.enqueue(encryptedChunk);
					incNonce();
					plaintextBufferUsed = 0;
				}
				const n = Math.min(plaintextBuffer.length - plaintextBufferUsed, chunk.length);
				plaintextBuffer.set(chunk.subarray(0, n), plaintextBufferUsed);
				plaintextBufferUsed += n;
				chunk = chunk.subarray(n);
			}
		},
		flush(controller) {
			streamNonce[11] = 1;
			const encryptedChunk = chacha20poly1305(key, streamNonce)
				.encrypt(plaintextBuffer.subarray(0, plaintextBufferUsed));
			controller.enqueue(encryptedChunk);
		},
	});
}
function ciphertextSize(plaintextSize) {
	const chunks = Math.max(1, Math.ceil(plaintextSize / chunkSize));
	return plaintextSize + chacha20poly1305Overhead * chunks;
}
;
function encode(file) {
	const lines = [];
	lines.push("-----BEGIN AGE ENCRYPTED FILE-----\n");
	for (let i = 0; i < file.length; i += 48) {
		let end = i + 48;
		if (end > file.length)
			end = file.length;
		lines.push(base64.encode(file.subarray(i, end)) + "\n");
	}
	lines.push("-----END AGE ENCRYPTED FILE-----\n");
	return lines.join("");
}
function decode(file) {
	const lines = file.trim().replaceAll("\r\n", "\n").split("\n");
	if (lines.shift() !== "-----BEGIN AGE ENCRYPTED FILE-----") {
		throw Error("invalid header");
	}
	if (lines.pop() !== "-----END AGE ENCRYPTED FILE-----") {
		throw Error("invalid footer");
	}
	function isLineLengthValid(i, l) {
		if (i === lines.length - 1) {
			return l.length > 0 && l.length <= 64 && l.length % 4 === 0;
		}
		return l.length === 64;
	}
	if (!lines.every((l, i) => isLineLengthValid(i, l))) {
		throw Error("invalid line length");
	}
	if (!lines.every((l) => /^[A-Za-z0-9+/=]+$/.test(l))) {
		throw Error("invalid base64");
	}
	return base64.decode(lines.join(""));
}
;
const defaultAlgorithms = [
	{ type: "public-key", alg: -8 },
	{ type: "public-key", alg: -7 },
	{ type: "public-key", alg: -257 },
];
async function createCredential(options) {
	const cred = await navigator.credentials.create({
		publicKey: {
			rp: { name: "", id: options.rpId },
			user: {
				name: options.keyName,
				id: webauthn_domBuffer(randomBytes(8)),
				displayName: "",
			},
			pubKeyCredParams: defaultAlgorithms,
			authenticatorSelection: {
				requireResidentKey: options.type !== "security-key",
				residentKey: options.type !== "security-key" ? "required" : "discouraged",
				userVerification: "required",
			},
			hints: options.type === "security-key" ? ["security-key"] : [],
			extensions: { prf: {} },
			challenge: new Uint8Array([0]).buffer,
		},
	});
	if (!cred.getClientExtensionResults().prf?.enabled) {
		throw Error("PRF extension not available (need macOS 15+, Chrome 132+)");
	}
	const rpId = options.rpId ?? new URL(window.origin).hostname;
	return encodeIdentity(cred, rpId);
}
const prefix = "AGE-PLUGIN-FIDO2PRF-";
function encodeIdentity(credential, rpId) {
	const res = credential.response;
	const version = cbor.encodeUint(1);
	const credId = cbor.encodeByteString(new Uint8Array(credential.rawId));
	const rp = cbor.encodeTextString(rpId);
	const transports = cbor.encodeArray(res.getTransports());
	const identityData = new Uint8Array([...version, ...credId, ...rp, ...transports]);
	return bech32.encode(prefix, bech32.toWords(identityData), false).toUpperCase();
}
function decodeIdentity(identity) {
	const { words } = bech32.decode(identity, false);
	const bytes = bech32.fromWords(words);
	if (!identity.startsWith(prefix + "1")) {
		throw Error("invalid identity");
	}
	const [version, rest1] = cbor.readUint(bytes);
	if (version !== 1) {
		throw Error("unsupported identity version");
	}
	const [credId, rest2] = cbor.readByteString(rest1);
	const [rpId, rest3] = cbor.readTextString(rest2);
	const [transports,] = cbor.readArray(rest3);
	return [credId, rpId, transports];
}
const label = "age-encryption.org/fido2prf";
class WebAuthnInternal {
	credId;
	transports;
	rpId;
	constructor(options) {
		if (options?.identity) {
			const [credId, rpId, transports] = decodeIdentity(options.identity);
			this.credId = credId;
			this.transports = transports;
			this.rpId = rpId;
		}
		else {
			this.rpId = options?.rpId;
		}
	}
	async getCredential(nonce) {
		const assertion = await navigator.credentials.get({
			publicKey: {
				allowCredentials: this.credId ? [{
						id: webauthn_domBuffer(this.credId),
						transports: this.transports,
						type: "public-key"
					}] : [],
				challenge: webauthn_domBuffer(randomBytes(16)),
				extensions: { prf: { eval: prfInputs(nonce) } },
				userVerification: "required",
				rpId: this.rpId,
			},
		});
		const results = assertion.getClientExtensionResults().prf?.results;
		if (results === undefined) {
			throw Error("PRF extension not available (need macOS 15+, Chrome 132+)");
		}
		return results;
	}
}
class WebAuthnRecipient extends (  null && (WebAuthnInternal)) {
	async wrapFileKey(fileKey) {
		const nonce = randomBytes(16);
		const results = await this.getCredential(nonce);
		const key = deriveKey(results);
		return [new Stanza([label, base64nopad.encode(nonce)], encryptFileKey(fileKey, key))];
	}
}
class WebAuthnIdentity extends (  null && (WebAuthnInternal)) {
	async unwrapFileKey(stanzas) {
		for (const s of stanzas) {
			if (s.args.length < 1 || s.args[0] !== label) {
				continue;
			}
			if (s.args.length !== 2) {
				throw Error("invalid prf stanza");
			}
			const nonce = base64nopad.decode(s.args[1]);
			if (nonce.length !== 16) {
				throw Error("invalid prf stanza");
			}
			const results = await this.getCredential(nonce);
			const key = deriveKey(results);
			const fileKey = decryptFileKey(s.body, key);
			if (fileKey !== null)
				return fileKey;
		}
		return null;
	}
}
function prfInputs(nonce) {
	const prefix = new TextEncoder().encode(label);
	const first = new Uint8Array(prefix.length + nonce.length + 1);
	first.set(prefix, 0);
	first[prefix.length] = 0x01;
	first.set(nonce, prefix.length + 1);
	const second = new Uint8Array(prefix.length + nonce.length + 1);
	second.set(prefix, 0);
	second[prefix.length] = 0x02;
	second.set(nonce, prefix.length + 1);
	return { first, second };
}
function deriveKey(results) {
	if (results.second === undefined) {
		throw Error("Missing second PRF result");
	}
	const first = prfResultToBytes(results.first);
	const second = prfResultToBytes(results.second);
	const prf = new Uint8Array(first.byteLength + second.byteLength);
	prf.set(first, 0);
	prf.set(second, first.byteLength);
	return extract(sha256, prf, new TextEncoder().encode(label));
}
function prfResultToBytes(result) {
	if (result instanceof ArrayBuffer) {
		return new Uint8Array(result);
	}
	if (ArrayBuffer.isView(result)) {
		return new Uint8Array(result.buffer, result.byteOffset, result.byteLength);
	}
	if (Array.isArray(result)) {
		return Uint8Array.from(result);
	}
	throw Error("PRF result is not a BufferSource");
}
function webauthn_domBuffer(arr) {
	return arr;
}
;
class Encrypter {
	passphrase = null;
	scryptWorkFactor = 18;
	recipients = [];
	setPassphrase(s) {
		if (this.passphrase !== null) {
			throw new Error("can encrypt to at most one passphrase");
		}
		if (this.recipients.length !== 0) {
			throw new Error("can't encrypt to both recipients and passphrases");
		}
		this.passphrase = s;
	}
	setScryptWorkFactor(logN) {
		this.scryptWorkFactor = logN;
	}
	addRecipient(s) {
		if (this.passphrase !== null) {
			throw new Error("can't encrypt to both recipients and passphrases");
		}
		if (typeof s === "string") {
			if (s.startsWith("age1pq1")) {
				this.recipients.push(new HybridRecipient(s));
			}
			else if (s.startsWith("age1tag1")) {
				this.recipients.push(new TagRecipient(s));
			}
			else if (s.startsWith("age1tagpq1")) {
				this.recipients.push(new HybridTagRecipient(s));
			}
			else if (s.startsWith("age1")) {
				this.recipients.push(new X25519Recipient(s));
			}
			else {
				throw new Error("unrecognized recipient type");
			}
		}
		else {
			this.recipients.push(s);
		}
	}
	async encrypt(file) {
		const fileKey = utils_randomBytes(16);
		const stanzas = [];
		let recipients = this.recipients;
		if (this.passphrase !== null) {
			recipients = [new ScryptRecipient(this.passphrase, this.scryptWorkFactor)];
		}
		for (const recipient of recipients) {
			stanzas.push(...await recipient.wrapFileKey(fileKey));
		}
		const labelHeader = new TextEncoder().encode("header");
		const hmacKey = hkdf(sha2_sha256, fileKey, undefined, labelHeader, 32);
		const mac = hmac_hmac(sha2_sha256, hmacKey, encodeHeaderNoMAC(stanzas));
		const header = encodeHeader(stanzas, mac);
		const nonce = utils_randomBytes(16);
		const labelPayload = new TextEncoder().encode("payload");
		const streamKey = hkdf(sha2_sha256, fileKey, nonce, labelPayload, 32);
		const encrypter = encryptSTREAM(streamKey);
		if (!(file instanceof ReadableStream)) {
			if (typeof file === "string")
				file = new TextEncoder().encode(file);
			return await readAll(prepend(stream(file).pipeThrough(encrypter), header, nonce));
		}
		return Object.assign(prepend(file.pipeThrough(encrypter), header, nonce), {
			size: (size) => ciphertextSize(size) + header.length + nonce.length
		});
	}
}
class Decrypter {
	identities = [];
	addPassphrase(s) {
		this.identities.push(new ScryptIdentity(s));
	}
	addIdentity(s) {
		if (dist_isCryptoKey(s)) {
			this.identities.push(new X25519Identity(s));
		}
		else if (typeof s === "string") {
			if (s.startsWith("AGE-SECRET-KEY-1")) {
				this.identities.push(new X25519Identity(s));
			}
			else if (s.startsWith("AGE-SECRET-KEY-PQ-1")) {
				this.identities.push(new HybridIdentity(s));
			}
			else {
				throw new Error("unrecognized identity type");
			}
		}
		else {
			this.identities.push(s);
		}
	}
	async decrypt(file, outputFormat) {
		const s = file instanceof ReadableStream ? file : stream(file);
		const { fileKey, headerSize, rest } = await this.decryptHeaderInternal(s);
		const { data: nonce, rest: payload } = await read(rest, 16);
		const label = new TextEncoder().encode("payload");
		const streamKey = hkdf(sha2_sha256, fileKey, nonce, label, 32);
		const decrypter = decryptSTREAM(streamKey);
		const out = payload.pipeThrough(decrypter);
		const outWithSize = Object.assign(out, {
			size: (size) => plaintextSize(size - headerSize - nonce.length)
		});
		if (file instanceof ReadableStream)
			return outWithSize;
		if (outputFormat === "text")
			return await readAllString(out);
		return await readAll(out);
	}
	async decryptHeader(header) {
		return (await this.decryptHeaderInternal(stream(header))).fileKey;
	}
	async decryptHeaderInternal(file) {
		const h = await parseHeader(file);
		const fileKey = await this.unwrapFileKey(h.stanzas);
		if (fileKey === null)
			throw Error("no identity matched any of the file's recipients");
		const label = new TextEncoder().encode("header");
		const hmacKey = hkdf(sha2_sha256, fileKey, undefined, label, 32);
		const mac = hmac_hmac(sha2_sha256, hmacKey, h.headerNoMAC);
		if (!compareBytes(h.MAC, mac))
			throw Error("invalid header HMAC");
		return { fileKey, headerSize: h.headerSize, rest: h.rest };
	}
	async unwrapFileKey(stanzas) {
		for (const identity of this.identities) {
			const fileKey = await identity.unwrapFileKey(stanzas);
			if (fileKey !== null)
				return fileKey;
		}
		return null;
	}
}
function compareBytes(a, b) {
	if (a.length !== b.length) {
		return false;
	}
	let acc = 0;
	for (let i = 0; i < a.length; i++) {
		acc |= a[i] ^ b[i];
	}
	return acc === 0;
}
function dist_isCryptoKey(key) {
	return typeof CryptoKey !== "undefined" && key instanceof CryptoKey;
}
  })
};
;
