import { Fleet } from '../../fleet/fleet.ts';
import type { Provider } from '../../fleet/server.ts';
import type { ServerSpec } from '../../model/spec.ts';
import type { Snapshot } from '../../state/snapshot.ts';
import type { Store } from '../../state/store.ts';

/** How servers and record are reached. */
export interface Ways {
  provider: Provider;
  openStore(): Promise<Store>;
}

/**
 * lookAt connects to the servers and reads the record side by side, hands both to `work`, and closes all when that is
 * done. It takes no lease: `work` must change nothing. It throws what keeps it from any of the servers, all together,
 * or from the record.
 */
export async function lookAt<T>(
  { provider, openStore }: Ways,
  servers: readonly ServerSpec[],
  work: (fleet: Fleet, snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  const [fleet, store] = await Promise.allSettled([Fleet.connect(provider, servers), openStore()]);
  try {
    if (fleet.status === 'rejected') throw fleet.reason;
    if (store.status === 'rejected') throw store.reason;
    return await work(fleet.value, await store.value.read());
  } finally {
    await Promise.all([
      fleet.status === 'fulfilled' && fleet.value.close(),
      store.status === 'fulfilled' && store.value.close(),
    ]);
  }
}
