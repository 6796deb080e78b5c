import { CONFIG_FOLDER } from './tree.ts';

/** Where a balancer in front of the servers asks whether one serves; it may ask by address. */
const HEALTH_PATH = '/.well-known/switchyard/health';

/** A file beside the folders of configurations; while it is there, the edge tells balancers to go elsewhere. */
const OUT_OF_SERVICE_FILE = 'out_of_service';

/** HEALTH is the location where an edge tells how it does, whatever the host. */
export const HEALTH = `    location = ${HEALTH_PATH} {
        access_log off;
        default_type text/plain;
        if (-f ${CONFIG_FOLDER}/${OUT_OF_SERVICE_FILE}) { return 503 "out of service\\n"; }
        return 200 "ok\\n";
    }
`;
