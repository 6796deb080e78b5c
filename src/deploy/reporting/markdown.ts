/** escapeMarkdown returns a text that came from elsewhere so that it cannot become markup. */
export function escapeMarkdown(text: string): string {
  return text.replaceAll(/[<>&|`*_[\]#~\\$]/g, (character) => `&#${character.charCodeAt(0)};`);
}
