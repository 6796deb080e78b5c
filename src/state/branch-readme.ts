/** branchReadme returns the README.md of a new state branch, for whoever finds the branch. */
export function branchReadme(branch: string): string {
  return `# What runs where

This branch is written by Switchyard after every deploy. It has no code and is never merged.

- \`state/<project>/<environment>.json\`: what runs on which server now, since when, by which run
- \`releases/<project>/<environment>/<service>/<n>.json\`: everything needed to run that release again; written once

The history of production: \`git fetch origin ${branch} && git log -p FETCH_HEAD -- state\`

Nothing here routes traffic: a lost or edited file loses no request, and the next run reports the difference.
`;
}
