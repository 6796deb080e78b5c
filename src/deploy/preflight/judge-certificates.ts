import { certificatesOf, describeEnd, type StatusCertificate } from '../observation/certificates.ts';
import type { PlanInput } from '../planning/input.ts';
import type { Plan } from '../planning/plan.ts';
import type { Finding } from './findings.ts';

/**
 * judgeCertificates says which certificates are near their end, or past it: a warning, and an error where the plan brings no
 * new one before it is too late. Pure.
 */
export function judgeCertificates(
  input: Pick<PlanInput, 'scope' | 'observed' | 'nginx' | 'now'>,
  { steps }: Pick<Plan, 'steps'>,
): Finding[] {
  const mended = new Set(
    steps.flatMap(({ step }) =>
      step.kind === 'install certificate' ? [`${step.domain} ${step.server}`] : [],
    ),
  );
  return certificatesOf(input)
    .filter(({ urgency }) => urgency !== 'fine')
    .map((one) =>
      findingOf(
        one,
        one.servers.every((server) => mended.has(`${one.domain} ${server}`)),
      ),
    );
}

function findingOf(one: StatusCertificate, isMended: boolean): Finding {
  const what = `${one.domain} on ${one.servers.join(', ')}: ${describeEnd(one)}`;
  const isLast = one.urgency !== 'late' && !isMended;
  return {
    server: '',
    check: 'certificate',
    level: isLast ? 'error' : 'warning',
    message: `${what}${isMended ? ', and a deploy brings a new one' : ''}`,
    hint: hintFor(one, isMended),
  };
}

function hintFor({ origin }: StatusCertificate, isMended: boolean): string {
  if (isMended) return 'It should have been renewed before: run the action certificates by a schedule.';
  return origin.startsWith('files ')
    ? 'Get a new one from whoever issued it, put it into the secret, and deploy.'
    : 'Run the action certificates: it renews it, or says why it cannot.';
}
