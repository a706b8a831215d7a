import { Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from '../../schema/decorators';
import { VoiceFilter } from '../../schema/inputs/voice-filter';
import type { Provider } from '../../schema/types/provider';
import { Voice, VoiceConnection } from '../../schema/types/voice';
import type { RequestContext } from './context';
import { First, pageOf } from './page';
import { requireScope } from './rights';

@Resolver(() => Voice)
export class VoiceResolver {
  @Query(() => VoiceConnection, {
    nullable: true,
    description:
      "Catalogue of the platform's key, and of the caller's own key where there is one; never another workspace's. A provider that does not give its list in time is left out of the answer.",
  })
  voices(
    @Ctx() context: RequestContext,
    @Arg('filter', () => VoiceFilter, { nullable: true, description: 'Which are listed; all, when left out.' })
    filter?: VoiceFilter | null,
    @First()
    first?: number | null,
    @Arg('after', () => String, {
      nullable: true,
      description: 'endCursor of the page before, of the same filter; from the start, when left out.',
    })
    after?: string | null,
  ) {
    requireScope(context, 'READ');
    return context.services.voices.list(context, filter ?? {}, pageOf(first, after));
  }

  @Query(() => Voice, { nullable: true, description: 'A voice that this caller could have speak.' })
  voice(
    @Ctx() context: RequestContext,
    @Arg('id', () => ID, { description: 'Voice.id, as "elevenlabs/21m00Tcm4TlvDq8ikWAM".' }) id: string,
  ) {
    requireScope(context, 'READ');
    return context.services.voices.find(context, id);
  }

  @FieldResolver()
  provider(@Root() voice: Readonly<Voice>, @Ctx() context: RequestContext): Provider | null | Promise<Provider | null> {
    return context.services.catalogue.provider(context, voice.providerId);
  }
}
