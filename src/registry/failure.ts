import { UserError } from '../model/errors.ts';

/** What a registry said that is no good answer. */
export interface Refusal {
  host: string;
  image: string;
  status: number;
  text: string;
  /** Credentials were sent along. */
  isLoggedIn: boolean;
}

/** registryRefusal is the error of a registry that does not do what it was asked for. Pure. */
export function registryRefusal({ host, image, status, text, isLoggedIn }: Refusal): UserError {
  const said = detailOf(text);
  const because = said === '' ? '' : ` (${said})`;
  if (status === 429 || /toomanyrequests|rate limit/i.test(text)) {
    return new UserError(`${host} has had too many requests${because}`, {
      hint: 'Run again later; with a login most registries allow more.',
    });
  }
  if (status === 401 || status === 403) {
    return isLoggedIn
      ? new UserError(`${host} does not take the login for ${image}${because}`, {
          hint: 'Are registry-username and registry-password right, and may that account read and write there? For ghcr.io the job needs "packages: write".',
        })
      : new UserError(`${host} wants a login for ${image}${because}`, {
          hint: 'Give the inputs registry-username and registry-password, or log in before this step (docker/login-action).',
        });
  }
  return new UserError(`${host} answered ${status} for ${image}${because}`, {
    hint: status >= 500 ? 'Run again later.' : 'Is the name of the image right?',
  });
}

/** unreachable is the error of a registry that does not answer. */
export function unreachable(host: string, reason: string, cause: unknown): UserError {
  return new UserError(`the registry ${host} cannot be reached from the runner: ${reason}`, {
    hint: 'Is its address right, and does it run? Nothing was deployed.',
    cause,
  });
}

/** Its own words: errors are JSON by the specification, and a page of HTML says nothing. */
function detailOf(text: string): string {
  try {
    const { errors = [], details } = JSON.parse(text) as {
      errors?: { code?: string; message?: string }[];
      details?: string;
    };
    const [first] = errors;
    return [first?.code, first?.message, details]
      .filter((one) => one !== undefined)
      .join(': ')
      .slice(0, 200);
  } catch {
    return '';
  }
}
