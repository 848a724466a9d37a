/* key.c - keys of 32 bytes as base64, and new ones */
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "net.h"

#define TEXT 44 /* characters of a key, the last of them = */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* net_parse_key() - base64 as wg(8) writes it; what is wrong is not repeated, it may be secret */
int net_parse_key(const char *s, size_t len, unsigned char key[NET_KEY_LEN], struct net_err *err)
{
	uint32_t bits = 0;
	size_t out = 0;
	int have = 0;

	for (size_t i = 0; len == TEXT && i < TEXT - 1; i++) {
		const char *at = s[i] ? strchr(digits, s[i]) : NULL;

		if (!at)
			break;
		bits = bits << 6 | (uint32_t)(at - digits);
		have += 6;
		if (have >= 8) {
			have -= 8;
			key[out++] = (unsigned char)(bits >> have);
		}
	}
	/* the last digit has two bits that are no part of the key */
	if (out != NET_KEY_LEN || s[TEXT - 1] != '=' || (bits & 3))
		return net_fail(err, EINVAL, "a key is 32 bytes in base64, 44 characters that end with =; got %zu",
				len);
	return 0;
}

/* net_key_text() - a key in base64 */
void net_key_text(const unsigned char key[NET_KEY_LEN], char text[NET_KEY_TEXT])
{
	uint32_t bits = 0;
	int have = 0;
	size_t w = 0;

	for (size_t i = 0; i < NET_KEY_LEN; i++) {
		bits = bits << 8 | key[i];
		for (have += 8; have >= 6; have -= 6)
			text[w++] = digits[bits >> (have - 6) & 63];
	}
	text[w++] = digits[bits << (6 - have) & 63];
	text[w++] = '=';
	text[w] = 0;
}

/* net_key_new() - a random private key of X25519, which does for a preshared key as well */
int net_key_new(unsigned char key[NET_KEY_LEN], struct net_err *err)
{
	if (getrandom(key, NET_KEY_LEN, 0) != NET_KEY_LEN)
		return net_fail(err, errno, "the kernel gives no random bytes: %s", strerror(errno));
	key[0] &= 248;
	key[31] = (unsigned char)((key[31] & 127) | 64);
	return 0;
}
