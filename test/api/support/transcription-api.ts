import { audioFixture } from '../../support/audio-fixtures';
import type { GraphqlAnswer, GraphqlClient } from '../../support/graphql-client';
import type { GraphqlError } from '../../support/graphql-socket';
import { ProviderStub } from '../../support/provider-stub';
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
  type TestWorkspace,
} from '../../support/test-server';
import { onlyError } from './speech-api';

export interface TranscriptPieceFields {
  readonly startSeconds: number;
  readonly endSeconds: number;
  readonly text: string;
  readonly speaker: string | null;
  readonly confidence: number | null;
}

export interface TranscriptionUsageFields {
  readonly id: string;
  readonly capability: string;
  readonly status: string;
  readonly errorCode: string | null;
  readonly providerId: string;
  readonly model: string;
  readonly credits: string;
  readonly heldCredits: string;
  readonly estimatedCredits: string;
  readonly audioMilliseconds: number;
  readonly audioSeconds: number;
  readonly inputTokens: number;
  readonly totalTokens: number;
  readonly requests: number;
  readonly byok: boolean;
  readonly credential: string;
  readonly language: string | null;
  readonly endUserId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly summary: string;
  readonly attempts: readonly { provider: string; model: string; outcome: string; errorCode: string | null }[];
}

export interface TranscriptionFields {
  readonly id: string;
  readonly text: string;
  readonly language: string | null;
  readonly durationSeconds: number;
  readonly segments: readonly TranscriptPieceFields[];
  readonly words: readonly TranscriptPieceFields[];
  readonly provider: { readonly id: string } | null;
  readonly providerId: string;
  readonly model: string;
  readonly endUserId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly usage: TranscriptionUsageFields;
}

export interface TranscribeFields {
  readonly replayed: boolean;
  readonly transcription: TranscriptionFields;
  readonly usage: TranscriptionUsageFields;
}

const PIECE = 'startSeconds endSeconds text speaker confidence';
export const TRANSCRIPTION_USAGE = `id capability status errorCode providerId model credits heldCredits estimatedCredits
  audioMilliseconds audioSeconds inputTokens totalTokens requests byok credential language endUserId metadata summary
  attempts { provider model outcome errorCode }`;
const TRANSCRIPTION = `id text language durationSeconds segments { ${PIECE} } words { ${PIECE} } provider { id } providerId
  model endUserId metadata usage { ${TRANSCRIPTION_USAGE} }`;
export const TRANSCRIBE = `mutation Transcribe($input: TranscribeInput!) { transcribe(input: $input) {
  replayed transcription { ${TRANSCRIPTION} } usage { ${TRANSCRIPTION_USAGE} } } }`;

export type TranscriptionInput = Readonly<Record<string, unknown>>;

/** What every stand-in hears. */
export const SAID = 'Good morning, how are you? Fine, thank you.';

/** A tone of so many milliseconds, as WAV of 16 kHz. */
export const wavOf = (milliseconds: number): Buffer => audioFixture('WAV', 16_000, milliseconds);
export const base64Of = (bytes: Uint8Array): { readonly base64: string } => ({
  base64: Buffer.from(bytes).toString('base64'),
});
/** 61.5 s, for which Whisper's 12 credits a minute come to 12.3. */
export const MINUTE = { provider: 'openai', model: 'whisper-1', audio: base64Of(wavOf(61_500)) } as const;
/** 1 s at 12 credits a minute. */
export const SECOND = { provider: 'openai', audio: base64Of(wavOf(1_000)) } as const;
export const SECOND_CREDITS = '0.2';

export const ask = (
  client: GraphqlClient,
  input: TranscriptionInput,
  headers?: Readonly<Record<string, string>>,
): Promise<GraphqlAnswer<{ transcribe: TranscribeFields | null }>> => client.graphql(TRANSCRIBE, { input }, headers);

/** A transcription that must succeed. */
export async function transcribe(
  client: GraphqlClient,
  input: TranscriptionInput = SECOND,
  headers?: Readonly<Record<string, string>>,
): Promise<TranscribeFields> {
  return (await client.data<{ transcribe: TranscribeFields }>(TRANSCRIBE, { input }, headers)).transcribe;
}

/** A transcription that must be refused or fail. */
export const refusedTranscription = async (
  client: GraphqlClient,
  input: TranscriptionInput,
  headers?: Readonly<Record<string, string>>,
): Promise<GraphqlError> => onlyError(await ask(client, input, headers));

export const findTranscription = (
  client: GraphqlClient,
  id: string,
): Promise<GraphqlAnswer<{ transcription: TranscriptionFields | null }>> =>
  client.graphql(`query ($id: ID!) { transcription(id: $id) { ${TRANSCRIPTION} } }`, { id });

export const deleteTranscription = (client: GraphqlClient, id: string): Promise<GraphqlAnswer> =>
  client.graphql('mutation ($input: DeleteTranscriptionInput!) { deleteTranscription(input: $input) { deletedId } }', {
    input: { id },
  });

export async function transcriptionEvents(client: GraphqlClient): Promise<readonly TranscriptionUsageFields[]> {
  const data = await client.data<{ usageEvents: { edges: { node: TranscriptionUsageFields }[] } }>(
    `{ usageEvents(first: 100) { edges { node { ${TRANSCRIPTION_USAGE} } } } }`,
  );
  return data.usageEvents.edges.map(({ node }) => node);
}

export interface UploadFields {
  readonly id: string;
  readonly url: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly expiresAt: string;
}

export const createUpload = (
  client: GraphqlClient,
  input: Readonly<Record<string, unknown>>,
): Promise<GraphqlAnswer<{ createUpload: { upload: UploadFields } | null }>> =>
  client.graphql(
    'mutation ($input: CreateUploadInput!) { createUpload(input: $input) { upload { id url headers { name value } expiresAt } } }',
    { input },
  );

/** Sends bytes to an upload, with the headers that it asks for unless others are given. */
export const put = (
  { anonymous }: Pick<TestServer, 'anonymous'>,
  upload: UploadFields,
  body: Buffer,
  headers: Readonly<Record<string, string>> = Object.fromEntries(
    upload.headers.map(({ name, value }) => [name, value]),
  ),
) => anonymous.send(upload.url, { method: 'PUT', headers, body });

/** An upload that has arrived. */
export async function upload(
  server: TestServer,
  client: GraphqlClient,
  bytes: Buffer = wavOf(1_000),
  contentType = 'audio/wav',
): Promise<UploadFields> {
  const made = (await createUpload(client, { purpose: 'AUDIO', contentType, sizeBytes: bytes.length })).data!
    .createUpload!.upload;
  const { status, body } = await put(server, made, bytes);
  if (status !== 204) throw new Error(`the upload was refused: ${status} ${body}`);
  return made;
}

const KEYED = ['OPENAI', 'DEEPGRAM', 'FISH_AUDIO', 'CARTESIA', 'MISTRAL', 'GROQ'];

/** A server whose providers of transcriptions are all stood in for by its stub. */
export async function startTranscriptionServer(
  options: TestServerOptions = {},
): Promise<TestServer & { readonly stub: ProviderStub }> {
  const stub = options.stub ?? new ProviderStub();
  if (!options.stub) await stub.listen();
  const env = Object.fromEntries(
    KEYED.flatMap((name) => [
      [`${name}_BASE_URL`, stub.url],
      [`${name}_API_KEY`, 'stub-key'],
    ]),
  );
  const server = await startTestServer({ plan: 'scale', ...options, stub, env: { ...env, ...options.env } });
  return Object.assign(server, {
    stub,
    close: ((close) => async () => {
      await close();
      if (!options.stub) await stub.close();
    })(server.close.bind(server)),
  });
}

/** A client token of the workspace, as a client. */
export async function tokenClient(
  server: TestServer,
  maker: TestWorkspace | GraphqlClient,
  input: Readonly<Record<string, unknown>> = {},
): Promise<GraphqlClient> {
  const data = await maker.data<{ createClientToken: { token: string } }>(
    'mutation ($input: CreateClientTokenInput!) { createClientToken(input: $input) { token } }',
    {
      input: {
        ttlSeconds: 600,
        capabilities: ['SPEECH_TO_TEXT'],
        maxCredits: '10',
        requestsPerMinute: 1_000,
        ...input,
      },
    },
  );
  return server.anonymous.as(data.createClientToken.token);
}
