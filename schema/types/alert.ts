import { Field, ID, ObjectType } from '../decorators';
import { AlertKind } from '../enums/alert-kind';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import { type JsonObject, JsonObjectScalar } from '../scalars/json-object';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({ description: 'Something that is watched for in a workspace.', simpleResolvers: true })
export class AlertRule {
  @Field(() => ID, { description: 'Stays the same while the rule is changed; details.ruleId of its alerts.' })
  readonly id!: string;

  @Field(() => AlertKind, { description: 'What it watches for.' })
  readonly kind!: AlertKind;

  @Field(() => DecimalScalar, {
    nullable: true,
    description: 'LOW_BALANCE: credits. SPEND_SPIKE: factor. PROVIDER_ERRORS: share of requests. NEW_VOICE: null.',
  })
  readonly threshold!: string | null;

  @Field(() => [ID], {
    nullable: true,
    description:
      'NEW_VOICE: the voices that are expected; null: every voice used before the rule, and for other kinds.',
  })
  readonly expectedVoiceIds!: readonly string[] | null;

  @Field(() => Boolean, { description: 'Whether it raises alerts at present.' })
  readonly enabled!: boolean;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: Date;
}

@ObjectType({ description: 'The rule as it is after the change.', simpleResolvers: true })
export class AlertRulePayload {
  @Field(() => AlertRule, { description: 'The rule that was made or changed.' })
  readonly rule!: AlertRule;
}

@ObjectType({
  description: 'Something that a rule found. It stays when the rule is disabled or deleted.',
  simpleResolvers: true,
})
export class Alert {
  @Field(() => ID, { description: 'Also of what webhooks deliver.' })
  readonly id!: string;

  @Field(() => String, {
    description: 'Opaque; sent as after of alertRaised, the subscription goes on behind this alert. Good for 24 hours.',
  })
  readonly cursor!: string;

  @Field(() => AlertKind, { description: 'What was watched for.' })
  readonly kind!: AlertKind;

  @Field(() => String, { description: 'For people: what happened, and what can be done.' })
  readonly message!: string;

  @Field(() => JsonObjectScalar, {
    description:
      'For programs: ruleId and the numbers, amounts as decimal strings. LOW_BALANCE: remaining, held, threshold, periodEnd. SPEND_SPIKE: measure (CREDITS or AUDIO_MINUTES), today, median, threshold, date. NEW_VOICE: voiceId, voiceName, reason (NOT_EXPECTED or FIRST_USE), firstUsedAt. PROVIDER_ERRORS: provider, requests, failures, share, threshold.',
  })
  readonly details!: JsonObject;

  @Field(() => DateTimeScalar, { description: 'When it was found, within about a second of what caused it.' })
  readonly raisedAt!: Date;
}

@ObjectType({ description: 'One alert in a page of alerts.', simpleResolvers: true })
export class AlertEdge implements Edge<Alert> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => Alert, { description: 'The alert.' })
  readonly node!: Alert;
}

@ObjectType({ description: 'A page of alerts, newest first.', simpleResolvers: true })
export class AlertConnection implements Connection<Alert> {
  @Field(() => [AlertEdge], { description: 'The items of this page.' })
  readonly edges!: readonly AlertEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
