import { validate } from '@actions/languageservice';
import { TextDocument } from 'vscode-languageserver-textdocument';

let asked = 0;

/** complaintsAbout returns what GitHub's own language service finds wrong with a workflow, a line each. */
export async function complaintsAbout(workflow: string): Promise<string[]> {
  asked += 1;
  // A name of its own: the language service keeps what it has read once.
  const uri = `file:///repository/.github/workflows/workflow-${asked}.yml`;
  const found = await validate(TextDocument.create(uri, 'yaml', 1, workflow));
  return found.map(({ range, message }) => `${range.start.line + 1}: ${message}`);
}
