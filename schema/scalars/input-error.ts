import { type ASTNode, GraphQLError } from 'graphql';

/**
 * A value that a scalar refuses. The code travels with the error, so that a variable is answered alike over HTTP and
 * over WebSocket; in a literal the validation rules report it with their own code.
 */
export const scalarError = (message: string, node?: ASTNode): GraphQLError =>
  new GraphQLError(message, { ...(node && { nodes: [node] }), extensions: { code: 'BAD_USER_INPUT' } });
