/* metadata.h - $metadata of the AdminService, in CSDL. */
#pragma once

/* Classes, their keys and methods. The caller frees the text. */
char *metadata_write(void);
