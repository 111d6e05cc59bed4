// SPDX-License-Identifier: Apache-2.0
// oidc-provider with one client that may use the client credentials grant, and /verify for nginx's auth_request.
// PORT, CLIENT_ID, CLIENT_SECRET, SCOPE, LIFETIME (seconds of a token) come from the environment.
import Provider from 'oidc-provider';

const {
  PORT = '8080', HOST = '127.0.0.1', CLIENT_ID = 'dromos', CLIENT_SECRET, SCOPE = 'dicomweb', LIFETIME = '60',
} = process.env;
if (!CLIENT_SECRET) throw new Error('CLIENT_SECRET is not set');

const provider = new Provider(`http://localhost:${PORT}`, {
  clients: [{
    client_id: CLIENT_ID,
    client_secret: CLIENT_SECRET,
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: 'client_secret_basic',
    scope: SCOPE,
  }],
  scopes: [SCOPE],
  ttl: { ClientCredentials: Number(LIFETIME) },
  features: { clientCredentials: { enabled: true }, introspection: { enabled: true }, devInteractions: { enabled: false } },
  cookies: { keys: ['for tests only'] },
});

// RFC 6750: 401 for no token or one that is over, 403 for one without the scope
provider.use(async (context, next) => {
  if (context.path !== '/verify') return next();
  const [kind, value] = (context.get('authorization') || '').split(' ');
  const token = kind === 'Bearer' && value ? await provider.ClientCredentials.find(value) : undefined;
  if (!token || !token.isValid) {
    context.status = 401;
    context.set('WWW-Authenticate', 'Bearer');
  } else {
    context.status = (token.scope || '').split(' ').includes(SCOPE) ? 204 : 403;
  }
  return undefined;
});

provider.listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
