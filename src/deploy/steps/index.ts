import { type ShareAccountStep, shareAccount } from './account.ts';
import { type AdoptCertificateStep, adoptCertificate } from './adopt-certificate.ts';
import {
  type CertifyStep,
  certify,
  type InstallCertificateStep,
  installCertificateStep,
  type RemoveCertificatesStep,
  removeCertificates,
} from './certify.ts';
import { type DivertStep, divert } from './divert.ts';
import { type DrainStep, drain } from './drain.ts';
import {
  type KeepGeneratedStep,
  keepGenerated,
  type RecordGeneratedStep,
  recordGenerated,
} from './generated-secrets.ts';
import { type HandOverStep, handOver } from './hand-over.ts';
import { type AnswerStep, answer, type HealthyStep, healthy } from './healthy.ts';
import { type AwaitHookStep, awaitHook, type HookStep, hook } from './hook.ts';
import type { StepKind } from './kind.ts';
import { type FindModulesStep, findModules } from './modules.ts';
import { type PrepareStep, prepare } from './prepare.ts';
import { type EndProbeStep, endProbe, type ProbeStep, probe } from './probe.ts';
import { type ProveStep, prove } from './prove.ts';
import { type PullStep, pull } from './pull.ts';
import { type HoldStep, hold, type ReleaseStep, release } from './queue.ts';
import { type RecordIntentStep, recordIntent } from './record-intent.ts';
import { type RemoveStep, remove } from './remove.ts';
import { type RevokeCertificateStep, revokeCertificate } from './revoke.ts';
import { type ForgetSecretsStep, forgetSecrets, type KeepSecretsStep, keepSecrets } from './secrets.ts';
import { type StageStep, stage } from './stage.ts';
import { type StartStep, start } from './start.ts';
import { type StopStep, stop } from './stop.ts';
import { type SweepStep, sweep } from './sweep.ts';
import { type SwitchStep, switchRoutes } from './switch.ts';
import { type TeardownStep, teardown } from './teardown.ts';
import { type UpgradeStep, upgrade } from './upgrade.ts';
import { type UpgradeSidecarStep, upgradeSidecar } from './upgrade-sidecar.ts';
import { type GiveUsersStep, giveUsers, type RemoveUsersStep, removeUsers } from './user-lists.ts';
import { type WatchStep, watch } from './watch.ts';

/** Every kind of step there is, by its name. */
const KINDS = {
  pull,
  prepare,
  'keep generated': keepGenerated,
  'record generated': recordGenerated,
  'record intent': recordIntent,
  'keep secrets': keepSecrets,
  hook,
  'await hook': awaitHook,
  start,
  answer,
  healthy,
  stage,
  probe,
  switch: switchRoutes,
  prove,
  watch,
  drain,
  hold,
  stop,
  remove,
  release,
  'end probe': endProbe,
  upgrade,
  divert,
  'upgrade sidecar': upgradeSidecar,
  'hand over': handOver,
  'forget secrets': forgetSecrets,
  teardown,
  sweep,
  'share account': shareAccount,
  certify,
  'adopt certificate': adoptCertificate,
  'install certificate': installCertificateStep,
  'revoke certificate': revokeCertificate,
  'remove certificates': removeCertificates,
  'give users': giveUsers,
  'remove users': removeUsers,
  'find modules': findModules,
};

export type Step =
  | PullStep
  | PrepareStep
  | KeepGeneratedStep
  | RecordGeneratedStep
  | RecordIntentStep
  | KeepSecretsStep
  | HookStep
  | AwaitHookStep
  | StartStep
  | AnswerStep
  | HealthyStep
  | StageStep
  | ProbeStep
  | SwitchStep
  | ProveStep
  | WatchStep
  | DrainStep
  | HoldStep
  | ReleaseStep
  | StopStep
  | RemoveStep
  | EndProbeStep
  | UpgradeStep
  | DivertStep
  | UpgradeSidecarStep
  | HandOverStep
  | ForgetSecretsStep
  | TeardownStep
  | SweepStep
  | ShareAccountStep
  | CertifyStep
  | InstallCertificateStep
  | RevokeCertificateStep
  | RemoveCertificatesStep
  | AdoptCertificateStep
  | FindModulesStep
  | GiveUsersStep
  | RemoveUsersStep;

/** kindOf returns what there is to know of a step's kind. */
export function kindOf(step: Step): StepKind<Step> {
  return KINDS[step.kind] as StepKind<Step>;
}

/** describeStep says what a step does, as a sentence without a subject. */
export function describeStep(step: Step): string {
  return kindOf(step).describe(step);
}
