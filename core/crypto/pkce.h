/* PKCE (RFC 7636), method S256: whoever redeems a sign-in's code shows the text whose hash stood in
 * the URL that the sign-in began with. */
#ifndef JETON_PKCE_H
#define JETON_PKCE_H

#define PKCE_SIZE 44 /* base64url of 32 bytes, and NUL: of a verifier, and of its challenge */

/* Random, and secret until it is used. */
void pkce_verifier(char verifier[static PKCE_SIZE]);
void pkce_challenge(const char *verifier, char challenge[static PKCE_SIZE]);

#endif
