/** The most subtasks an operator can have. */
export const maxParallelism = 32_768;
