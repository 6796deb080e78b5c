/**
 * renderStores renders locations of the control port at which files are put and taken away, and never read: each `path` is
 * one, for the files in `folder`. `access` is the file that says who may. What comes by a rename is there whole or not at
 * all, and belongs to the workers of nginx, who read it when they need it: nothing is reloaded.
 */
export function renderStores(
  stores: readonly (readonly [path: string, folder: string])[],
  access: string,
): string {
  return stores
    .map(
      ([path, folder]) => `        location /${path}/ {
            include ${access};
            if ($request_method !~ "^(?:PUT|DELETE)$") { return 405; }
            alias ${folder}/;
            client_body_temp_path ${folder};
            dav_methods PUT DELETE;
        }
`,
    )
    .join('');
}
