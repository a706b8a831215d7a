import { Field, ID, ObjectType } from '../decorators';
import { DateTimeScalar } from '../scalars/date-time';
import { DecimalScalar } from '../scalars/decimal';
import type { Connection, Edge } from './connection';
import { PageInfo } from './page-info';

@ObjectType({ description: 'One line of an invoice, rounded once, half up, to the cent.', simpleResolvers: true })
export class InvoiceLine {
  @Field(() => String, { description: 'What is paid for.' })
  readonly description!: string;

  @Field(() => DecimalScalar, { nullable: true, description: 'How many; null: the line is an amount alone.' })
  readonly quantity!: string | null;

  @Field(() => DecimalScalar, { nullable: true, description: 'USD for one of them, exact.' })
  readonly unitUsd!: string | null;

  @Field(() => DecimalScalar, { description: 'USD, in whole cents.' })
  readonly amountUsd!: string;
}

@ObjectType({
  description: 'What a period cost: the plan, upgrades in it, and overage in one line for each rate.',
  simpleResolvers: true,
})
export class Invoice {
  @Field(() => ID, { description: 'Unique within the workspace.' })
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'As people quote it; null while it is a draft.' })
  readonly number!: string | null;

  @Field(() => String, {
    description: 'draft while its period runs, then open, paid, uncollectible or void as the payment provider says.',
  })
  readonly status!: string;

  @Field(() => DateTimeScalar, { description: 'Beginning of the period that it is for.' })
  readonly periodStart!: Date;

  @Field(() => DateTimeScalar, { description: 'End of that period.' })
  readonly periodEnd!: Date;

  @Field(() => [InvoiceLine], { description: 'What it is made of.' })
  readonly lines!: readonly InvoiceLine[];

  @Field(() => DecimalScalar, { description: 'The sum of its lines in USD.' })
  readonly totalUsd!: string;

  @Field(() => String, { nullable: true, description: 'Where it can be seen and paid; null: nowhere.' })
  readonly url!: string | null;

  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  readonly createdAt!: Date;
}

@ObjectType({ description: 'One invoice in a page of invoices.', simpleResolvers: true })
export class InvoiceEdge implements Edge<Invoice> {
  @Field(() => String, { description: 'Opaque place of this item in the list.' })
  readonly cursor!: string;

  @Field(() => Invoice, { description: 'The invoice.' })
  readonly node!: Invoice;
}

@ObjectType({ description: 'A page of invoices, newest first.', simpleResolvers: true })
export class InvoiceConnection implements Connection<Invoice> {
  @Field(() => [InvoiceEdge], { description: 'The items of this page.' })
  readonly edges!: readonly InvoiceEdge[];

  @Field(() => PageInfo, { description: 'Where this page stands in the list.' })
  readonly pageInfo!: PageInfo;
}
