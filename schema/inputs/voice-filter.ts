import { Field, ID, InputType } from '../decorators';
import { VoiceQuality } from '../enums/voice-quality';
import { VoiceStatus } from '../enums/voice-status';

@InputType({
  description: 'Which voices are listed. Every field that is given has to fit; what is left out does not narrow.',
})
export class VoiceFilter {
  @Field(() => ID, { nullable: true, description: 'Of this provider (Provider.id).' })
  readonly provider?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Made for this language: a BCP 47 tag, where "en" takes "en-US" as well.',
  })
  readonly language?: string | null;

  @Field(() => String, { nullable: true, description: 'Of this gender, without regard to case.' })
  readonly gender?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Every word of it is in the name, the description or the id, without regard to case; at most 200 characters.',
  })
  readonly query?: string | null;

  @Field(() => VoiceQuality, { nullable: true, description: 'First-party voices of this quality.' })
  readonly quality?: VoiceQuality | null;

  @Field(() => Boolean, { nullable: true, description: "true: the platform's own voices; false: all others." })
  readonly firstParty?: boolean | null;

  @Field(() => VoiceStatus, { nullable: true, description: 'That stand like this.' })
  readonly status?: VoiceStatus | null;
}
