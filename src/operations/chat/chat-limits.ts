/** Everything that is sent to a model, in UTF-8 bytes: messages, tools and schema together. */
export const CHAT_BYTES_MAX = 2_000_000;
export const CHAT_MESSAGES_MAX = 1_000;
export const CHAT_TOOLS_MAX = 128;
/** A JSON schema, in UTF-8 bytes as JSON. */
export const SCHEMA_BYTES_MAX = 65_536;
/** Levels of objects and lists in a JSON schema. */
export const SCHEMA_DEPTH_MAX = 64;
/** Ids of tool calls are made by providers; the longest known are some 40 characters. */
export const TOOL_CALL_ID_MAX = 256;
export const TOOL_DESCRIPTION_MAX = 10_000;
/** OpenAI's rule, which every provider's names obey: https://platform.openai.com/docs/api-reference/chat/create */
export const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;
