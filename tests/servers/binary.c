/* A stdio MCP server without a runtime: its one tool says what GREETING is. Reads one JSON message a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Find the value of a member of the outermost object; NULL when there is none. */
static const char *member(const char *text, const char *name) {
    size_t length = strlen(name);
    int depth = 0;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '{' || *at == '[') depth++;
        if (*at == '}' || *at == ']') depth--;
        if (*at != '"') continue;
        const char *begin = ++at;
        while (*at != '\0' && *at != '"') at += (*at == '\\' && at[1] != '\0') ? 2 : 1;
        if (*at == '\0') return NULL;
        if (depth != 1 || (size_t)(at - begin) != length || strncmp(begin, name, length) != 0) continue;
        const char *value = at + 1;
        while (*value == ' ' || *value == ':') value++;
        if (at[1] == ':' || (at[1] == ' ' && strchr(at, ':') != NULL)) return value;
    }
    return NULL;
}

static const char *answer(const char *method) {
    static char said[4096];
    const char *greeting = getenv("GREETING");
    if (strncmp(method, "\"initialize\"", 12) == 0)
        return "{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{\"tools\":{}},"
               "\"serverInfo\":{\"name\":\"binary\",\"version\":\"1.0.0\"}}";
    if (strncmp(method, "\"tools/list\"", 12) == 0)
        return "{\"tools\":[{\"name\":\"greet\",\"description\":\"Says the greeting\","
               "\"inputSchema\":{\"type\":\"object\",\"properties\":{}}}]}";
    if (strncmp(method, "\"tools/call\"", 12) == 0) {
        snprintf(said, sizeof said, "{\"content\":[{\"type\":\"text\",\"text\":\"%s\"}],\"isError\":false}",
                 greeting != NULL ? greeting : "nothing");
        return said;
    }
    return "{}";
}

int main(void) {
    static char line[1 << 16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *id = member(line, "id"), *method = member(line, "method");
        if (id == NULL || method == NULL) continue;
        printf("{\"jsonrpc\":\"2.0\",\"id\":%.*s,\"result\":%s}\n", (int)strcspn(id, ",} \n"), id, answer(method));
        fflush(stdout);
    }
    return 0;
}
