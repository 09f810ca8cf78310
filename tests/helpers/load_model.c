/* Runs an exported model by TensorFlow's C API, as a server without Python does.
 *
 * load_model operations FILE
 *   writes the operations that this build of TensorFlow registers, an OpList, to FILE.
 * load_model run DIR SOUND_OP SOUND LABEL_OP LABEL OUTPUT_OP OUTPUT_INDEX FILE
 *   draws one sound. SOUND ends in .wav: its bytes are one string; else it holds float32 samples,
 *   nothing else. The output's bytes are written to FILE, of a string its characters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow/c/c_api.h"
#include "tensorflow/c/tf_tstring.h"

static void check(int fine, const char *what, const char *why) {
  if (fine) return;
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

static void check_status(const TF_Status *status, const char *what) {
  check(TF_GetCode(status) == TF_OK, what, TF_Message(status));
}

static char *read_file(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  check(file != NULL, path, "cannot be opened");
  fseek(file, 0, SEEK_END);
  *bytes = (size_t)ftell(file);
  rewind(file);
  char *content = malloc(*bytes);
  check(fread(content, 1, *bytes, file) == *bytes, path, "cannot be read");
  fclose(file);
  return content;
}

static void write_file(const char *path, const void *content, size_t bytes) {
  FILE *file = fopen(path, "wb");
  check(file != NULL, path, "cannot be opened");
  check(fwrite(content, 1, bytes, file) == bytes, path, "cannot be written");
  check(fclose(file) == 0, path, "cannot be written");
}

static TF_Tensor *string_tensor(const char *text, size_t length) {
  int64_t shape[] = {1};
  TF_Tensor *tensor = TF_AllocateTensor(TF_STRING, shape, 1, sizeof(TF_TString));
  TF_TString *value = TF_TensorData(tensor);
  TF_TString_Init(value);
  TF_TString_Copy(value, text, length);
  return tensor;
}

static TF_Tensor *sound_tensor(const char *path) {
  size_t bytes;
  char *content = read_file(path, &bytes);
  const char *ending = strrchr(path, '.');
  if (ending != NULL && strcmp(ending, ".wav") == 0) return string_tensor(content, bytes);
  int64_t shape[] = {1, (int64_t)(bytes / sizeof(float))};
  TF_Tensor *waveform = TF_AllocateTensor(TF_FLOAT, shape, 2, bytes);
  memcpy(TF_TensorData(waveform), content, bytes);
  return waveform;
}

static TF_Output output_of(TF_Graph *graph, const char *name, int index) {
  TF_Output output = {TF_GraphOperationByName(graph, name), index};
  check(output.oper != NULL, name, "no such operation");
  return output;
}

static int run(char **words) {
  TF_Status *status = TF_NewStatus();
  TF_Graph *graph = TF_NewGraph();
  TF_SessionOptions *options = TF_NewSessionOptions();
  const char *tags[] = {"serve"};
  TF_Session *session =
      TF_LoadSessionFromSavedModel(options, NULL, words[0], tags, 1, graph, NULL, status);
  check_status(status, "loading");

  TF_Output inputs[] = {output_of(graph, words[1], 0), output_of(graph, words[3], 0)};
  TF_Tensor *values[] = {sound_tensor(words[2]), string_tensor(words[4], strlen(words[4]))};
  TF_Output output = output_of(graph, words[5], atoi(words[6]));
  TF_Tensor *drawn = NULL;
  TF_SessionRun(session, NULL, inputs, values, 2, &output, &drawn, 1, NULL, 0, NULL, status);
  check_status(status, "drawing");

  if (TF_TensorType(drawn) == TF_STRING) {
    const TF_TString *text = TF_TensorData(drawn);
    write_file(words[7], TF_TString_GetDataPointer(text), TF_TString_GetSize(text));
  } else {
    write_file(words[7], TF_TensorData(drawn), TF_TensorByteSize(drawn));
  }
  return 0;
}

int main(int count, char **words) {
  if (count == 3 && strcmp(words[1], "operations") == 0) {
    TF_Buffer *operations = TF_GetAllOpList();
    write_file(words[2], operations->data, operations->length);
    return 0;
  }
  check(count == 10 && strcmp(words[1], "run") == 0, "load_model", "unknown arguments");
  return run(words + 2);
}
