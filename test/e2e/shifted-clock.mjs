/**
 * Preloaded into an action (`NODE_OPTIONS=--import=…`), it makes the clock of that process wrong by CLOCK_OFF_MS:
 * as if the whole runner were.
 */
const offMs = Number(process.env.CLOCK_OFF_MS ?? 0);
const TrueDate = Date;

globalThis.Date = class extends TrueDate {
  constructor(...given) {
    super(...(given.length === 0 ? [TrueDate.now() + offMs] : given));
  }

  static now() {
    return TrueDate.now() + offMs;
  }
};
