import { Arg, Ctx, Mutation, Query, Resolver } from '../../schema/decorators';
import { CreateWorkspaceInput, GrantCreditsInput, SetWorkspacePlanInput } from '../../schema/inputs/workspace-inputs';
import { GrantCreditsPayload } from '../../schema/types/grant-credits-payload';
import { CreateWorkspacePayload, Workspace, WorkspacePayload } from '../../schema/types/workspace';
import type { RequestContext } from './context';
import { requireApiKey, requireScope } from './rights';

@Resolver()
export class WorkspaceResolver {
  @Query(() => Workspace, { nullable: true, description: 'The workspace of this request.' })
  workspace(@Ctx() context: RequestContext) {
    requireScope(context, 'READ');
    return context.services.workspaces.current(context);
  }

  @Mutation(() => CreateWorkspacePayload, {
    nullable: true,
    description: 'Admin only: makes a workspace and its first key.',
  })
  createWorkspace(
    @Ctx() context: RequestContext,
    @Arg('input', () => CreateWorkspaceInput, { description: 'The new workspace.' }) input: CreateWorkspaceInput,
  ) {
    requireApiKey(context, 'ADMIN');
    return context.services.workspaces.create(context, input);
  }

  @Mutation(() => WorkspacePayload, { nullable: true, description: 'Admin only: moves a workspace to another plan.' })
  async setWorkspacePlan(
    @Ctx() context: RequestContext,
    @Arg('input', () => SetWorkspacePlanInput, { description: 'Which workspace, and to which plan.' })
    input: SetWorkspacePlanInput,
  ): Promise<WorkspacePayload> {
    requireApiKey(context, 'ADMIN');
    return { workspace: await context.services.workspaces.setPlan(context, input) };
  }

  @Mutation(() => GrantCreditsPayload, { nullable: true, description: 'Admin only: gives credits to a workspace.' })
  grantCredits(
    @Ctx() context: RequestContext,
    @Arg('input', () => GrantCreditsInput, { description: 'How many, to whom and why.' }) input: GrantCreditsInput,
  ) {
    requireApiKey(context, 'ADMIN');
    return context.services.workspaces.grantCredits(context, input);
  }
}
